// The panel with all about what is selected, or about the whole run.

import { nodeDetails } from "./details-node.js";
import { runDetails } from "./details-run.js";
import { spanDetails } from "./details-span.js";
import { button, el } from "./dom.js";
import type { PageState } from "./state.js";

export class Details {
  readonly element: HTMLElement;
  readonly #state: PageState;
  readonly #body = el("div", { class: "body" });
  readonly #heading = el("h2", {}, "Run");
  readonly #close: HTMLButtonElement;

  constructor(state: PageState) {
    this.#state = state;
    this.#close = button("×", "Back to the run (Esc)", () => state.select(undefined));
    this.#close.setAttribute("aria-label", "Back to the run");
    this.element = el(
      "section",
      { class: "panel details", "aria-label": "Details" },
      el("div", { class: "bar" }, this.#heading, el("div", { class: "tools" }, this.#close)),
      this.#body,
    );
    state.onChange((change) => {
      if (change !== "window") this.#draw(change === "data");
    });
    this.#draw(false);
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
