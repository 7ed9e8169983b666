// The page of the studio: the list of runs, and the selected run or form. It polls its server every second.
import type { StudioState } from "../../model/studio-state.js";
import { button, el, visible } from "../dom.js";
import { entriesOf } from "./entries.js";
import { startForm } from "./forms.js";
import { RunList } from "./run-list.js";
import { RunPanel } from "./run-panel.js";
import { type Action, ask, readState } from "./server.js";

/** Milliseconds between two polls. */
const PAUSE = 1_000;

class StudioPage {
  readonly #list = new RunList((id) => this.#choose(id));
  readonly #panel = new RunPanel({ act: (action, body) => this.#act(action, body) });
  readonly #notice = el("p", { class: "notice", hidden: true });
  readonly #where = el("span", { class: "note" });
  readonly #live = el("span", { class: "live on" }, "live");
  readonly #heading = el("h2", {}, "Run");
  readonly #side = el("section", { class: "panel details", "aria-label": "Run" });
  readonly #start = button("Start a flow", "Start a flow with a store", () => this.#choose("", true));
  #state: StudioState | undefined;
  /** The form that starts a flow, kept while it is shown. */
  #form: HTMLElement | undefined;

  show(): void {
    const { element } = this.#list;
    this.#side.append(el("div", { class: "bar" }, this.#heading), this.#panel.element);
    document.body.replaceChildren(
      el(
        "header",
        {},
        el("div", { class: "what" }, el("h1", {}, "sluice studio"), this.#live),
        this.#where,
        el("div", { class: "tools" }, this.#start),
      ),
      this.#notice,
      el("main", { class: "studio" }, element, this.#side),
    );
    addEventListener("hashchange", () => this.#draw());
  }

  /** The selection in the URL: the id of a run, or the form that starts a flow. */
  get #chosen(): { readonly id: string | undefined; readonly isStart: boolean } {
    const hash = new URLSearchParams(location.hash.slice(1));
    return { id: hash.get("run") ?? undefined, isStart: hash.has("start") };
  }

  #choose(id: string, isStart = false): void {
    location.hash = isStart ? "start" : new URLSearchParams({ run: id }).toString();
  }

  async #act(action: Action, body: object): Promise<void> {
    try {
      await ask(action, body);
    } finally {
      await this.update();
    }
  }

  async update(): Promise<void> {
    try {
      this.#state = await readState();
      this.#live.className = "live on";
      this.#live.textContent = "live";
    } catch (error) {
      this.#live.className = "live off";
      this.#live.textContent = (error as Error).message;
    }
    this.#draw();
  }

  #draw(): void {
    const state = this.#state;
    if (state === undefined) return;
    const { id, isStart } = this.#chosen;
    const entries = entriesOf(state, Date.now());
    const entry = isStart
      ? undefined
      : (entries.find((each) => each.id === id) ?? (id === undefined ? entries[0] : undefined));
    this.#drawHead(state);
    this.#list.show(entries, entry?.id);
    this.#heading.textContent = isStart ? "Start a flow" : "Run";
    if (!isStart) this.#form = undefined;
    if (entry !== undefined) this.#panel.show(entry, entries, state.blocked);
    const none = () =>
      el("p", { class: "waiting" }, id === undefined ? "There is no run yet." : "There is no such run here.");
    const shown = isStart
      ? (this.#form ??= this.#startForm(state))
      : entry === undefined
        ? none()
        : this.#panel.element;
    if (this.#side.lastElementChild !== shown) this.#side.lastElementChild?.replaceWith(shown);
  }

  #drawHead(state: StudioState): void {
    const { journal = "no journal", hasMore, traces, blocked, flows } = state;
    const more = hasMore ? ", the newest runs of it" : "";
    this.#where.textContent = visible(`${journal}${more} · traces: ${traces}`);
    this.#notice.hidden = blocked === undefined;
    this.#notice.textContent = visible(blocked ?? "");
    this.#start.disabled = blocked !== undefined || flows.length === 0;
  }

  #startForm(state: StudioState): HTMLElement {
    const form = startForm(state, async (start) => {
      const { id } = await ask("start", start);
      await this.update();
      this.#choose(String(id));
    });
    return el("div", { class: "body" }, form);
  }
}

const page = new StudioPage();
page.show();
const beat = async () => {
  if (!document.hidden) await page.update();
  setTimeout(() => void beat(), PAUSE);
};
void beat();
