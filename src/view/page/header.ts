// The header of the page: the flow, its outcome, its figures, and the choice of a run.
import { durationOf } from "../model/span.js";
import { amount, duration } from "../model/words.js";
import { button, el, offer, short } from "./dom.js";
import type { PageState } from "./state.js";

/** The maximum of runs in the list of choices. */
const MOST_RUNS = 2_000;

export class Header {
  readonly element: HTMLElement;
  readonly #state: PageState;
  readonly #title = el("h1");
  readonly #outcome = el("span", { class: "state" });
  readonly #figures = el("ul", { class: "figures" });
  readonly #runs = el("select", { "aria-label": "Run" });
  readonly #other = el("select", { "aria-label": "Compare with" });
  readonly #live = el("span", { class: "live", hidden: true });

  constructor(state: PageState, help: () => void) {
    this.#state = state;
    this.#runs.addEventListener("change", () => {
      const run = state.runs[this.#runs.selectedIndex];
      if (run !== undefined) state.showRun(run);
    });
    this.#other.addEventListener("change", () => {
      state.compare(state.runs[this.#other.selectedIndex - 1]);
    });
    const ask = button("?", "Keys (?)", help);
    ask.setAttribute("aria-label", "Help");
    this.element = el(
      "header",
      {},
      el("div", { class: "what" }, this.#title, this.#outcome, this.#live),
      this.#figures,
      el("div", { class: "tools" }, this.#runs, this.#other, ask),
    );
    state.onChange((change) => {
      if (change === "run" || change === "data") this.#draw();
      else if (change === "selection") this.#listRuns();
    });
    this.#draw();
  }

  /** The state of a live page's connection; `undefined` for a complete page. */
  showLive(text: string, state: "on" | "off"): void {
    this.#live.hidden = false;
    this.#live.textContent = text;
    this.#live.className = `live ${state}`;
  }

  #draw(): void {
    const { run, model } = this.#state;
    const { root, graph, steps, items, failures } = run;
    const { name } = graph.root;
    const isGraph = model.runs.length === 0;
    this.#title.textContent = short(name, 80);
    this.#title.title = short(name, 1_000);
    this.#outcome.textContent = isGraph ? "graph" : root.outcome;
    this.#outcome.className = `state ${isGraph ? "idle" : root.outcome}`;
    const took = duration(durationOf(root, run.end));
    document.title = isGraph ? short(name, 80) : `${short(name, 60)} · ${root.outcome} · ${took}`;
    const retries = graph.nodes.reduce((sum, { stats }) => sum + stats.retries, 0);
    const figures: [string, string, boolean?][] = isGraph
      ? [[amount(graph.nodes.length), "nodes"]]
      : [
          [took, ""],
          [amount(steps), steps === 1 ? "step" : "steps"],
          ...(items > 0 ? [[amount(items), items === 1 ? "item" : "items"] as [string, string]] : []),
          ...(retries > 0
            ? [[amount(retries), retries === 1 ? "retry" : "retries"] as [string, string]]
            : []),
          [amount(failures.length), failures.length === 1 ? "failure" : "failures", failures.length > 0],
        ];
    this.#figures.replaceChildren(
      ...figures.map(([figure, what, isBad = false]) =>
        el("li", { class: isBad ? "bad" : undefined }, el("strong", {}, figure), what && ` ${what}`),
      ),
    );
    this.#listRuns();
  }

  #listRuns(): void {
    const { run, runs, other } = this.#state;
    this.#runs.hidden = this.#other.hidden = runs.length < 2;
    if (runs.length < 2) return;
    const texts = runs.slice(0, MOST_RUNS).map(({ graph, id, root }, i) => {
      return `${i + 1}. ${short(graph.root.name, 30)} · ${root.outcome} · ${short(id, 12)}`;
    });
    offer(this.#runs, texts, runs.indexOf(run));
    offer(this.#other, ["Compare with…", ...texts], other === undefined ? 0 : runs.indexOf(other) + 1);
  }
}
