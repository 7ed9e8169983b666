// The panel with the details of the selection, or of the whole run.

import { nodeDetails } from "./details-node.js";
import { runDetails } from "./details-run.js";
import { spanDetails } from "./details-span.js";
import { button, el } from "./dom.js";
import { SearchBox } from "./search-box.js";
import type { PageState } from "./state.js";

export class Details {
  readonly element: HTMLElement;
  readonly #state: PageState;
  readonly #body = el("div", { class: "body" });
  readonly #heading = el("h2", {}, "Run");
  readonly #close: HTMLButtonElement;
  /** Whether search results are shown; updates of a live run do not replace them. */
  #isFound = false;

  constructor(state: PageState) {
    this.#state = state;
    this.#close = button("×", "Back to the run (Esc)", () => state.select(undefined));
    this.#close.setAttribute("aria-label", "Back to the run");
    const search = new SearchBox(state, (content) => this.#found(content));
    this.element = el(
      "section",
      { class: "panel details", "aria-label": "Details" },
      el("div", { class: "bar" }, this.#heading, search.element, el("div", { class: "tools" }, this.#close)),
      this.#body,
    );
    state.onChange((change) => {
      if (change === "window" || (change === "data" && this.#isFound)) return;
      this.#isFound = false;
      this.#draw(change === "data");
    });
    this.#draw(false);
  }

  #found(content: Node[] | undefined): void {
    this.#isFound = content !== undefined;
    if (content === undefined) {
      this.#draw(false);
      return;
    }
    this.#heading.textContent = "Found";
    this.#body.replaceChildren(...content);
    this.#body.scrollTop = 0;
  }

  #draw(stay: boolean): void {
    const { span, node } = this.#state;
    const { scrollTop } = this.#body;
    const isRun = node === undefined;
    this.#heading.textContent =
      span !== undefined
        ? nameOf(span.kind)
        : !isRun
          ? "Node"
          : this.#state.model.runs.length > 0
            ? "Run"
            : "Flow";
    this.#close.hidden = isRun;
    this.element.classList.toggle("chosen", !isRun);
    const content =
      span !== undefined
        ? spanDetails(this.#state, span)
        : node !== undefined
          ? nodeDetails(this.#state, node)
          : runDetails(this.#state);
    this.#body.replaceChildren(...content);
    this.#body.scrollTop = stay ? scrollTop : 0;
  }
}

const nameOf = (kind: string): string => `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
