// The timeline: a canvas that scrolls through the lanes, with its pointer handlers.
import { type Lane, type Lanes, layLanes } from "../model/lanes.js";
import { durationOf, placeOf, type Span } from "../model/span.js";
import { duration } from "../model/words.js";
import { Board } from "./canvas.js";
import { type Colours, onScheme, readColours } from "./colours.js";
import { button, el, short } from "./dom.js";
import { legend } from "./legend.js";
import { Overview } from "./overview.js";
import { AXIS, paintAxis } from "./paint-axis.js";
import { firstEndingAt, paintLane } from "./paint-lanes.js";
import { paintPath } from "./paint-path.js";
import type { PageState } from "./state.js";
import { listenToKeys } from "./timeline-keys.js";
import { listenToPointer } from "./timeline-pointer.js";
import type { Surface } from "./timeline-surface.js";

/** The space below the lanes, in pixels. */
const FOOT = 24;

export class Timeline implements Surface {
  readonly element: HTMLElement;
  readonly scroller: HTMLElement;
  readonly state: PageState;
  readonly #content = el("div", { class: "content" });
  readonly #tip = el("div", { class: "tip", hidden: true });
  readonly #board: Board;
  readonly #overview: Overview;
  readonly #openAll: HTMLButtonElement;
  #colours: Colours = readColours();
  #lanes: Lanes = { lanes: [], height: 0, crowded: false };
  #laneOf = new Map<Span, Lane>();
  /** The lanes of spans that are drawn as a crowd. */
  #crowdOf = new Map<Span, Lane>();
  #open = false;

  constructor(state: PageState) {
    this.state = state;
    const canvas = el("canvas", { "aria-hidden": "true" });
    this.#board = new Board(canvas, (context) => this.#paint(context));
    this.#overview = new Overview(state);
    this.#content.append(canvas);
    this.scroller = el(
      "div",
      {
        class: "scroller",
        tabindex: 0,
        role: "application",
        "aria-label":
          "Timeline. Arrow keys go from span to span, plus and minus zoom, F goes to the next failure.",
      },
      this.#content,
    );
    this.#openAll = button("Every lane", "Draw what is very crowded lane by lane", () => {
      this.#open = !this.#open;
      this.layOut();
    });
    const tools = el(
      "div",
      { class: "tools" },
      this.#openAll,
      button("−", "Zoom out (−)", () => state.zoom(2)),
      button("+", "Zoom in (+)", () => state.zoom(0.5)),
      button("Fit", "Show the whole run (0)", () => state.show(0, state.whole)),
    );
    this.element = el(
      "section",
      { class: "panel timeline", "aria-label": "Timeline" },
      el("div", { class: "bar" }, el("h2", {}, "Timeline"), legend(), tools),
      this.#overview.element,
      this.scroller,
      this.#tip,
    );
    this.scroller.addEventListener("scroll", () => this.#board.paint());
    listenToPointer(this, canvas);
    listenToKeys(this);
    onScheme(() => {
      this.#colours = readColours();
      this.#overview.repaint(this.#colours);
      this.#board.paint();
    });
    new ResizeObserver(() => this.#resize()).observe(this.scroller);
    state.onChange((change) => {
      if (change === "run" || change === "data") this.layOut();
      if (change === "selection") this.reveal();
      this.#board.paint();
    });
    this.layOut();
  }

  get width(): number {
    return this.#board.width;
  }

  layOut(): void {
    const { run } = this.state;
    this.#lanes = layLanes(run.root, run.end, this.#open);
    this.#laneOf = new Map();
    this.#crowdOf = new Map();
    for (const lane of this.#lanes.lanes) {
      const lanes = lane.crowd ? this.#crowdOf : this.#laneOf;
      for (const span of lane.spans) lanes.set(span, lane);
    }
    this.#openAll.hidden = !this.#lanes.crowded;
    this.#openAll.setAttribute("aria-pressed", String(this.#open));
    this.#resize();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.scroller;
    // A short run leaves the space to its graph.
    const head = this.scroller.offsetTop + AXIS + FOOT;
    document.documentElement.style.setProperty("--wanted", `${this.#lanes.height + head}px`);
    this.#content.style.height = `${Math.max(clientHeight, AXIS + this.#lanes.height + 12)}px`;
    this.#board.resize(clientWidth, clientHeight);
    this.#overview.resize(this.#colours);
  }

  #paint(context: CanvasRenderingContext2D): void {
    const { state } = this;
    const { from, to, run, span, node } = state;
    const { width, height } = this.#board;
    const colours = this.#colours;
    const top = this.scroller.scrollTop;
    // A selected node dims the rest; a selected span has a frame.
    const stands =
      node !== undefined && span === undefined
        ? (each: Span) => each.node === node || each.kind === "run"
        : undefined;
    const scene = { context, colours, width, from, to, now: run.end, stands };
    paintAxis(context, colours, { from, to, width, height });
    context.save();
    context.beginPath();
    context.rect(0, AXIS, width, height - AXIS);
    context.clip();
    this.#paintPauses(context, height);
    for (const lane of this.#lanes.lanes) {
      const y = AXIS + 4 + lane.y - top;
      if (y > height) continue;
      if (y + lane.height >= AXIS) paintLane(scene, lane, y);
    }
    const footOf = (each: Span) => {
      const lane = this.#laneOf.get(each) ?? this.#crowdOf.get(each);
      return lane && AXIS + 4 + lane.y + lane.height - top;
    };
    const xOf = (at: number) => this.xOf(at);
    paintPath({ context, colour: colours.ink, xOf, from, to, footOf }, state.path?.pieces ?? []);
    const lane = span === undefined ? undefined : this.#laneOf.get(shownFor(span));
    if (span !== undefined && lane !== undefined) {
      const x = this.xOf(span.start);
      const wide = Math.max(3, this.xOf(span.end ?? run.end) - x);
      context.strokeStyle = colours.ink;
      context.lineWidth = 2;
      context.strokeRect(x - 1, AXIS + 3 + lane.y - top, wide + 1, lane.height + 2);
    }
    context.restore();
  }

  #paintPauses(context: CanvasRenderingContext2D, height: number): void {
    const { run } = this.state;
    context.fillStyle = this.#colours.gate;
    for (const { start, until, end } of run.pauses) {
      const [x, to] = [this.xOf(start), this.xOf(end ?? Math.min(until, run.end))];
      context.globalAlpha = 0.14;
      context.fillRect(x, AXIS, Math.max(1, to - x), height);
      context.globalAlpha = 0.8;
      context.fillRect(x, AXIS, Math.max(1, to - x), 2);
    }
    context.globalAlpha = 1;
  }

  xOf(at: number): number {
    const { from, to } = this.state;
    return ((at - from) / (to - from)) * this.#board.width;
  }

  timeAt(x: number): number {
    const { from, to } = this.state;
    return from + (x / Math.max(1, this.#board.width)) * (to - from);
  }

  /** The span at a point of the canvas, or the nearest one within three pixels. */
  spanAt(x: number, y: number): Span | undefined {
    const within = y + this.scroller.scrollTop - AXIS - 4;
    const now = this.state.run.end;
    for (const { y: top, height, spans, crowd } of this.#lanes.lanes) {
      if (crowd || y < AXIS || within < top - 1 || within > top + height + 1) continue;
      const span = spans[firstEndingAt(spans, this.timeAt(x - 3), now)];
      if (span !== undefined && this.xOf(span.start) <= x + 3) return span;
    }
    return undefined;
  }

  /** The neighbours of a span in its lane. */
  beside(span: Span, by: number): Span | undefined {
    const lane = this.#laneOf.get(shownFor(span));
    return lane?.spans[lane.spans.indexOf(shownFor(span)) + by];
  }

  /** The span in the nearest lane below or above, at about the same time. */
  beyond(span: Span, by: -1 | 1): Span | undefined {
    const from = this.#laneOf.get(shownFor(span))?.y ?? 0;
    const now = this.state.run.end;
    const middle = (span.start + (span.end ?? now)) / 2;
    let [best, least]: [Span | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
    let nearest = Number.POSITIVE_INFINITY;
    for (const { y, spans, crowd } of this.#lanes.lanes) {
      const away = (y - from) * by;
      const near = spans[Math.min(firstEndingAt(spans, middle, now), spans.length - 1)];
      if (crowd || away <= 0 || away > nearest || near === undefined) continue;
      const apart = Math.max(0, near.start - middle, middle - (near.end ?? now));
      if (away < nearest || apart < least) [best, least, nearest] = [near, apart, away];
    }
    return best;
  }

  /** Scrolls to the selection and brings its time into view. */
  reveal(): void {
    const { span, from, to } = this.state;
    if (span === undefined) return;
    const end = span.end ?? this.state.run.end;
    if (end < from || span.start > to) {
      const half = (to - from) / 2;
      this.state.show((span.start + end) / 2 - half, (span.start + end) / 2 + half);
    }
    const lane = this.#laneOf.get(shownFor(span));
    if (lane === undefined) return;
    const { clientHeight, scrollTop } = this.scroller;
    const [above, below] = [lane.y - 10, lane.y + lane.height + AXIS + 20];
    if (above < scrollTop) this.scroller.scrollTop = above;
    else if (below > scrollTop + clientHeight) this.scroller.scrollTop = below - clientHeight;
  }

  showTip(span: Span | undefined, x: number, y: number): void {
    this.#tip.hidden = span === undefined;
    if (span === undefined) return;
    const time = duration(durationOf(span, this.state.run.end));
    const failure = span.error === undefined ? "" : ` · ${span.error.name}: ${span.error.message}`;
    this.#tip.textContent = short(`${placeOf(span)} · ${span.outcome} · ${time}${failure}`, 140);
    const box = this.element.getBoundingClientRect();
    this.#tip.style.left = `${Math.max(4, Math.min(x - box.left + 12, box.width - this.#tip.offsetWidth - 8))}px`;
    this.#tip.style.top = `${Math.min(y - box.top + 16, box.height - 34)}px`;
  }
}

/** An attempt is painted within its item or step. */
const shownFor = (span: Span): Span =>
  span.kind === "attempt" && span.parent !== undefined ? span.parent : span;
