// The shared state of the page: the displayed run, the selection and the visible time range.
import { type CriticalPath, criticalPath } from "../model/critical-path.js";
import type { RunModel } from "../model/run-model.js";
import type { Span } from "../model/span.js";
import type { TraceModel } from "../model/trace-model.js";
import type { ViewNode } from "../model/view-node.js";

/** The kinds of changes. */
export type Change = "run" | "data" | "selection" | "window";

export class PageState {
  readonly model: TraceModel;
  /** Another trace, with runs to compare. */
  readonly beside: TraceModel | undefined;
  run: RunModel;
  /** A span and its node, or a node alone. */
  span: Span | undefined;
  node: ViewNode | undefined;
  /** The run that is compared with it. */
  other: RunModel | undefined;
  /** The visible time range, in milliseconds since the start of the run. */
  from = 0;
  to = 1;
  /** Whether the view follows a live run. */
  follows = true;
  /** Those of finished runs, which no longer change. */
  readonly #paths = new WeakMap<RunModel, CriticalPath>();
  readonly #listeners: ((change: Change) => void)[] = [];

  constructor(model: TraceModel, run: RunModel, beside?: TraceModel) {
    this.model = model;
    this.beside = beside;
    this.run = run;
    this.to = this.whole;
  }

  /** All runs that can be shown. */
  get runs(): readonly RunModel[] {
    const { model, beside } = this;
    return beside === undefined ? model.runs : [...model.runs, ...beside.runs];
  }

  /** The length of the time axis. */
  get whole(): number {
    return Math.max(this.run.end, this.run.last, 0.01);
  }

  /** The critical path; `undefined` during the run, and if there is none. */
  get path(): CriticalPath | undefined {
    const { run } = this;
    if (run.root.outcome === "running") return undefined;
    let path = this.#paths.get(run);
    if (path === undefined) this.#paths.set(run, (path = criticalPath(run)));
    return path;
  }

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener);
  }

  notify(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  showRun(run: RunModel): void {
    this.run = run;
    this.span = undefined;
    this.node = undefined;
    if (this.other === run) this.other = undefined;
    this.from = 0;
    this.to = this.whole;
    this.follows = true;
    this.notify("run");
  }

  /** Compares this run with another one; `undefined` ends the comparison. */
  compare(other: RunModel | undefined): void {
    this.other = other === this.run ? undefined : other;
    this.span = undefined;
    this.node = undefined;
    this.notify("selection");
  }

  select(span: Span | undefined, node: ViewNode | undefined = span?.node): void {
    if (span === this.span && node === this.node) return;
    this.span = span;
    this.node = node;
    this.notify("selection");
  }

  /** Sets the visible time range, clamped to the run. */
  show(from: number, to: number): void {
    const { whole } = this;
    const length = Math.min(whole, Math.max(to - from, whole / 1e6, 0.001));
    this.from = Math.max(0, Math.min(from, whole - length));
    this.to = this.from + length;
    this.follows = length >= whole * 0.999;
    this.notify("window");
  }

  /** @param factor - Below 1 to zoom in. @param around - The time that keeps its position. */
  zoom(factor: number, around = (this.from + this.to) / 2): void {
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }

  pan(by: number): void {
    this.show(this.from + by, this.to + by);
  }

  /** Zooms to a span, with a margin. */
  showSpan(span: Span): void {
    const end = span.end ?? this.whole;
    const room = Math.max((end - span.start) * 0.3, 0.001);
    this.show(span.start - room, end + room);
  }

  /** Handles new lines of the run. */
  grow(): void {
    if (this.follows) {
      this.from = 0;
      this.to = this.whole;
    }
    this.notify("data");
  }
}
