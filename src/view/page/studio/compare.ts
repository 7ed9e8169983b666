// The choice of a run to compare with, from any trace in the folder; the live page of the first one shows both.
import type { TracedRun } from "../../model/studio-state.js";
import { el, offer, short } from "../dom.js";
import type { Entry } from "./entries.js";

/** The maximum of runs in the list. */
const MOST = 500;

/** The URL of the live page of a run. */
export const livePage = ({ file, id, nth }: TracedRun): string =>
  `traces/${encodeURIComponent(file)}/#${new URLSearchParams({ run: id, ...(nth > 1 && { nth: String(nth) }) })}`;

/** The URL of the live page of two runs. @param all - The runs of all traces: the page numbers runs with the same id. */
function pageOfBoth(run: TracedRun, other: TracedRun, all: readonly TracedRun[]): string {
  const [page, place] = livePage(run).split("#");
  const isSameFile = other.file === run.file;
  const before = isSameFile ? 0 : all.filter(({ file, id }) => file === run.file && id === other.id).length;
  const nth = before + other.nth;
  const more = new URLSearchParams({ with: other.id, ...(nth > 1 && { withNth: String(nth) }) });
  const beside = isSameFile ? "" : `?${new URLSearchParams({ beside: other.file })}`;
  return `${page}${beside}#${place}&${more}`;
}

export class CompareChoice {
  readonly element = el("section", { class: "part" });
  readonly #select = el("select", { "aria-label": "Compare with" });
  readonly #link = el("a", { target: "_blank" }, "Show both");
  #run: TracedRun | undefined;
  #all: readonly TracedRun[] = [];
  #others: readonly TracedRun[] = [];

  constructor() {
    this.#select.addEventListener("change", () => this.#draw());
    this.element.append(el("h3", {}, "Compare"), el("p", { class: "compare" }, this.#select, this.#link));
  }

  /** @param entries - The entries of the list, all of whose traces are offered. */
  show({ traced: [run] }: Entry, entries: readonly Entry[]): void {
    const chosen = this.#others[this.#select.selectedIndex - 1];
    this.#run = run;
    this.#all = entries.flatMap(({ traced }) => traced);
    this.#others = this.#all.filter((each) => each !== run).slice(0, MOST);
    const texts = this.#others.map(
      ({ flow, state, id, startedAt }) =>
        `${short(flow, 30)} · ${state}${startedAt === undefined ? "" : ` · ${new Date(startedAt).toLocaleString()}`} · ${short(id, 40)}`,
    );
    const at = this.#others.findIndex(
      ({ file, id, nth }) => file === chosen?.file && id === chosen.id && nth === chosen.nth,
    );
    offer(this.#select, ["Compare with…", ...texts], at + 1);
    this.#draw();
  }

  #draw(): void {
    const other = this.#others[this.#select.selectedIndex - 1];
    this.element.hidden = this.#run === undefined || this.#others.length === 0;
    this.#link.hidden = other === undefined;
    if (this.#run !== undefined && other !== undefined) {
      this.#link.href = pageOfBoth(this.#run, other, this.#all);
    }
  }
}
