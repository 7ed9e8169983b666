// The table of runs. It keeps its rows, so that the focus stays during updates.
import { amount } from "../../model/words.js";
import { button, el, short } from "../dom.js";
import type { Entry } from "./entries.js";

/** The maximum of rows; a filter finds the other runs. */
const MOST = 300;

interface Row {
  readonly element: HTMLTableRowElement;
  readonly choose: HTMLButtonElement;
  readonly state: HTMLElement;
  readonly cells: readonly HTMLElement[];
}

export class RunList {
  readonly element: HTMLElement;
  readonly #body = el("tbody");
  readonly #more = el("p", { class: "more", role: "status" });
  readonly #filter = el("input", {
    type: "search",
    placeholder: "Filter: id, flow, state, error",
    "aria-label": "Filter",
  });
  readonly #rows = new Map<string, Row>();
  readonly #choose: (id: string) => void;
  #entries: readonly Entry[] = [];
  #chosen: string | undefined;

  constructor(choose: (id: string) => void) {
    this.#choose = choose;
    this.#filter.addEventListener("input", () => this.#draw());
    const heads = ["Run", "State", "Flow", "Steps", "Age", "Waits for, or error"];
    this.element = el(
      "section",
      { class: "panel runs", "aria-label": "Runs" },
      el("div", { class: "bar" }, el("h2", {}, "Runs"), this.#filter),
      el(
        "div",
        { class: "body", tabindex: 0 },
        el(
          "table",
          {},
          el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
          this.#body,
        ),
        this.#more,
      ),
    );
  }

  show(entries: readonly Entry[], chosen: string | undefined): void {
    this.#entries = entries;
    this.#chosen = chosen;
    this.#draw();
  }

  #draw(): void {
    const wanted = this.#filter.value.trim().toLowerCase();
    const found = this.#entries.filter(({ text }) => text.includes(wanted));
    const shown = found.slice(0, MOST);
    const keep = new Set(shown.map(({ id }) => id));
    for (const [id, { element }] of this.#rows) {
      if (keep.has(id)) continue;
      element.remove();
      this.#rows.delete(id);
    }
    shown.forEach((entry, at) => {
      const row = this.#rows.get(entry.id) ?? this.#make(entry);
      this.#fill(row, entry);
      if (this.#body.children[at] !== row.element)
        this.#body.insertBefore(row.element, this.#body.children[at] ?? null);
    });
    const rest = found.length - shown.length;
    this.#more.textContent =
      this.#entries.length === 0
        ? "There is no run yet."
        : rest > 0
          ? `${amount(rest)} more: use the filter`
          : "";
  }

  #make({ id }: Entry): Row {
    const choose = button(short(id, 40), id, () => this.#choose(id));
    const state = el("span");
    const cells = Array.from({ length: 4 }, () => el("td"));
    const element = el("tr", {}, el("th", { scope: "row" }, choose), el("td", {}, state), ...cells);
    const row = { element, choose, state, cells };
    this.#rows.set(id, row);
    return row;
  }

  #fill({ choose, state, cells, element }: Row, entry: Entry): void {
    const isChosen = entry.id === this.#chosen;
    element.className = isChosen ? "chosen" : "";
    if (isChosen) choose.setAttribute("aria-current", "true");
    else choose.removeAttribute("aria-current");
    set(state, entry.state);
    state.className = `state ${entry.state}`;
    [entry.flow, amount(entry.steps), entry.age, short(entry.why, 120)].forEach((text, at) => {
      set(cells[at] as HTMLElement, text);
    });
  }
}

function set(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
