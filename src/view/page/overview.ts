// The whole run in one strip: the activity over time, and the range that the timeline shows.
import { countCrowd } from "../model/crowd.js";
import { insideOf } from "../model/lanes.js";
import type { Span } from "../model/span.js";
import { Board } from "./canvas.js";
import { type Colours, readColours } from "./colours.js";
import { el } from "./dom.js";
import type { PageState } from "./state.js";

const HEIGHT = 38;

export class Overview {
  readonly element: HTMLElement;
  readonly #state: PageState;
  readonly #board: Board;
  readonly #canvas: HTMLCanvasElement;
  #colours = readColours();
  /** The image below the frame; painted again when the run grows. */
  #picture: HTMLCanvasElement | undefined;

  constructor(state: PageState) {
    this.#state = state;
    this.#canvas = el("canvas", { "aria-hidden": "true" });
    this.element = el(
      "div",
      { class: "overview", title: "The whole run; drag to choose a part" },
      this.#canvas,
    );
    this.#board = new Board(this.#canvas, (context) => this.#paint(context));
    state.onChange((change) => {
      if (change === "run" || change === "data") this.#picture = undefined;
      this.#board.paint();
    });
    this.#listen();
  }

  resize(colours: Colours): void {
    this.#colours = colours;
    this.#picture = undefined;
    this.#board.resize(this.element.clientWidth, HEIGHT);
  }

  repaint(colours: Colours): void {
    this.resize(colours);
  }

  #paint(context: CanvasRenderingContext2D): void {
    const { from, to, whole } = this.#state;
    const { width } = this.#board;
    this.#picture ??= this.#draw();
    context.drawImage(this.#picture, 0, 0, width, HEIGHT);
    if (to - from >= whole * 0.999) return;
    const [x, end] = [(from / whole) * width, (to / whole) * width];
    context.fillStyle = this.#colours.panel;
    context.globalAlpha = 0.7;
    context.fillRect(0, 0, x, HEIGHT);
    context.fillRect(end, 0, width - end, HEIGHT);
    context.globalAlpha = 1;
    context.strokeStyle = this.#colours.accent;
    context.lineWidth = 1.5;
    context.strokeRect(x + 0.75, 0.75, Math.max(2, end - x - 1.5), HEIGHT - 1.5);
  }

  #draw(): HTMLCanvasElement {
    const { run, whole } = this.#state;
    const columns = Math.max(1, Math.floor(this.#board.width));
    const picture = el("canvas", { width: columns, height: HEIGHT });
    const paint = picture.getContext("2d");
    if (paint === null) return picture;
    const { counts, failed, most } = countCrowd(leavesOf(run.root), run.end, 0, whole, columns);
    const scale = (HEIGHT - 7) / Math.max(1, most);
    for (let i = 0; i < columns; i++) {
      let top = HEIGHT;
      for (const [part, name] of [
        ["attempt", "done"],
        ["tried", "tried"],
        ["gate", "gate"],
        ["backoff", "backoff"],
        ["other", "rest"],
      ] as const) {
        const tall = Math.max(0, counts[part][i] as number) * scale;
        paint.fillStyle = this.#colours[name];
        paint.fillRect(i, top - tall, 1, tall);
        top -= tall;
      }
      if ((failed[i] as number) > 0) {
        paint.fillStyle = this.#colours.failed;
        paint.fillRect(i - 1, 0, 3, 5);
      }
    }
    return picture;
  }

  #listen(): void {
    const state = this.#state;
    let begun: number | undefined;
    const at = (event: PointerEvent) => {
      const box = this.#canvas.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * state.whole;
    };
    this.#canvas.addEventListener("pointerdown", (event) => {
      begun = at(event);
      this.#canvas.setPointerCapture(event.pointerId);
    });
    this.#canvas.addEventListener("pointermove", (event) => {
      if (begun === undefined) return;
      const end = at(event);
      if (Math.abs(end - begun) > state.whole / 200) state.show(Math.min(begun, end), Math.max(begun, end));
    });
    this.#canvas.addEventListener("pointerup", (event) => {
      if (begun === undefined) return;
      const end = at(event);
      const half = (state.to - state.from) / 2;
      // A click centres the visible range there, unless everything is visible.
      if (Math.abs(end - begun) <= state.whole / 200) state.show(end - half, end + half);
      begun = undefined;
    });
    this.#canvas.addEventListener("dblclick", () => state.show(0, state.whole));
  }
}

/** The spans that contain only attempts. Uses a stack, since flows may be nested deeply. */
function leavesOf(root: Span): Span[] {
  const leaves: Span[] = [];
  const stack = [root];
  for (let span = stack.pop(); span !== undefined; span = stack.pop()) {
    const inside = insideOf(span);
    if (inside.length === 0) leaves.push(span);
    else for (const child of inside) stack.push(child);
  }
  return leaves;
}
