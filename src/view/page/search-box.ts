// The search over a run: a field, whose results replace the details.
import { search } from "../model/search.js";
import { amount, counted } from "../model/words.js";
import { part, spanList } from "./details-parts.js";
import { el, visible } from "./dom.js";
import type { PageState } from "./state.js";

/** The maximum of listed spans. */
const MOST = 100;

export class SearchBox {
  readonly element = el("form", { class: "search", role: "search" });
  readonly #input = el("input", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Search names, errors and values",
  });

  /** @param onFound - Called with the results; with `undefined` if the field is empty. */
  constructor(state: PageState, onFound: (content: Node[] | undefined) => void) {
    this.element.append(this.#input);
    const look = () => {
      const text = this.#input.value;
      onFound(text.trim() === "" ? undefined : resultsOf(state, text));
    };
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      look();
    });
    // Clearing the field shows the details again.
    this.#input.addEventListener("input", () => {
      if (this.#input.value === "") look();
    });
  }
}

function resultsOf(state: PageState, text: string): Node[] {
  const { hits, count } = search(state.run, text, MOST);
  const byspan = new Map(hits.map((hit) => [hit.span, hit]));
  const title = `${counted(count, "span")} with ${visible(text.trim())}`;
  const list = spanList(state, [...byspan.keys()], MOST, (span) => {
    const hit = byspan.get(span);
    return hit === undefined || hit.where === "name" ? "" : `${hit.where}: ${hit.around}`;
  });
  const more =
    count > hits.length ? [el("p", { class: "more" }, `and ${amount(count - hits.length)} more`)] : [];
  return [part(title, list, ...more)];
}
