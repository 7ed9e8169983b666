// The panel of a run: its state, its questions, its traces and the possible actions.
import { amount, counted, duration } from "../../model/words.js";
import { button, el, visible } from "../dom.js";
import { CompareChoice, livePage } from "./compare.js";
import type { Entry } from "./entries.js";
import { answerForm } from "./forms.js";
import type { Action } from "./server.js";

/** The context of the panel. */
export interface PanelHost {
  /** Sends a request to the server and shows the outcome. @throws Refused */
  act(action: Action, body: object): Promise<void>;
}

export class RunPanel {
  readonly element = el("div", { class: "body", tabindex: 0 });
  readonly #host: PanelHost;
  readonly #title = el("p", { class: "title" });
  readonly #facts = el("dl", { class: "facts" });
  readonly #problem = el("p", { class: "problem", role: "alert" });
  readonly #actions = el("div", { class: "actions" });
  readonly #questions = el("section", { class: "part" });
  readonly #traces = el("ul", { class: "traces" });
  readonly #compare = new CompareChoice();
  readonly #error = el("pre", { class: "message", tabindex: 0, hidden: true });
  /** The forms by token, kept so that a half-written answer survives updates. */
  readonly #forms = new Map<string, HTMLElement>();
  #id: string | undefined;
  #drawn = "";

  constructor(host: PanelHost) {
    this.#host = host;
    const { element } = this;
    element.append(this.#title, this.#facts, this.#error, this.#actions, this.#problem, this.#questions);
    element.append(el("section", { class: "part" }, el("h3", {}, "Live pages"), this.#traces));
    element.append(this.#compare.element);
  }

  /** @param entries - All entries of the list. */
  show(entry: Entry, entries: readonly Entry[], blocked: string | undefined): void {
    this.#compare.show(entry, entries);
    if (this.#id !== entry.id) this.#problem.textContent = "";
    this.#id = entry.id;
    const { text, age, ...content } = entry;
    const drawn = JSON.stringify([content, blocked]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#draw(entry, blocked);
  }

  #draw({ id, flow, state, run, traced }: Entry, blocked: string | undefined): void {
    this.#title.replaceChildren(visible(id), " ", el("span", { class: `state ${state}` }, state));
    const facts: [string, string | undefined][] = [
      ["Flow", flow],
      ["Process", run?.owner],
      ["Steps", run && amount(run.steps)],
      ["Calls", run && run.calls > 0 ? amount(run.calls) : undefined],
      ["Tokens", run && run.tokens > 0 ? amount(run.tokens) : undefined],
      ["Action", run?.action],
      ["Began", run && new Date(run.createdAt).toLocaleString()],
      ["Changed", run && new Date(run.updatedAt).toLocaleString()],
    ];
    this.#facts.replaceChildren(
      ...facts.flatMap(([name, value]) =>
        value === undefined ? [] : [el("dt", {}, name), el("dd", {}, visible(value))],
      ),
    );
    const error = state === "suspended" ? undefined : (run?.error ?? traced[0]?.error);
    this.#error.hidden = error === undefined;
    this.#error.textContent = error ?? "";
    this.#drawActions(id, state, run !== undefined, blocked);
    this.#drawQuestions(id, state, run?.questions ?? [], blocked);
    this.#traces.replaceChildren(
      ...traced.map((trace) => {
        const { state, took, items, failures } = trace;
        const link = el("a", { href: livePage(trace), target: "_blank" }, visible(trace.file));
        const what = `${state}, ${duration(took)}, ${counted(items, "item")}, ${counted(failures, "failure")}`;
        return el("li", {}, link, el("span", { class: "note" }, ` ${what}`));
      }),
      ...(traced.length === 0 ? [el("li", { class: "note" }, "No trace of this run is in the folder.")] : []),
    );
  }

  #drawActions(id: string, state: string, isKept: boolean, blocked: string | undefined): void {
    const isOver = state === "done" || state === "cancelled";
    const can = isKept && !isOver;
    const buttons: HTMLButtonElement[] = [];
    if (can && state !== "running") {
      const resume = button("Resume", "Go on with the run in this process", () =>
        this.#try("resume", { id }),
      );
      resume.disabled = blocked !== undefined;
      if (blocked !== undefined) resume.title = blocked;
      buttons.push(resume);
    }
    if (can) buttons.push(button("Cancel", "End the run for good", () => this.#cancel(id)));
    this.#actions.replaceChildren(...buttons);
  }

  #cancel(id: string): void {
    if (confirm(`Cancel the run ${id} for good? It cannot go on after that.`)) this.#try("cancel", { id });
  }

  #try(action: Action, body: object): void {
    this.#problem.textContent = "";
    this.#host.act(action, body).catch((error: Error) => {
      this.#problem.textContent = error.message;
    });
  }

  #drawQuestions(
    id: string,
    state: string,
    questions: NonNullable<Entry["run"]>["questions"],
    blocked: string | undefined,
  ): void {
    const open = new Set(questions.map(({ token }) => token));
    for (const token of this.#forms.keys()) if (!open.has(token)) this.#forms.delete(token);
    const goesOn = questions.length === 1 && state !== "running" && blocked === undefined;
    for (const question of questions) {
      const { token } = question;
      const name = `${token} ${goesOn}`;
      if (this.#forms.has(token) && this.#forms.get(token)?.dataset.name === name) continue;
      const form = answerForm(question, goesOn ? "Answer and go on" : "Answer", async (answer) => {
        await this.#host.act("answer", { token, answer });
        if (goesOn) await this.#host.act("resume", { id });
      });
      form.dataset.name = name;
      this.#forms.set(token, form);
    }
    this.#questions.hidden = questions.length === 0;
    this.#questions.replaceChildren(
      el("h3", {}, counted(questions.length, "open question")),
      ...questions.map(({ token }) => this.#forms.get(token) as HTMLElement),
    );
  }
}
