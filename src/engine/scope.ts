// The scope of a walk: its flow, its place, and what all its nodes inherit.
import type { Cancellation } from "../base/cancellation.js";
import { now } from "../base/clock.js";
import { SluiceError, setLocation, showPath } from "../base/errors.js";
import { NODE } from "../base/keys.js";
import { type Named, nameOf } from "../base/name.js";
import type { WarningCode } from "../base/warnings.js";
import { emitEvent } from "../observe/events.js";

export type { Named };

import { RUN_SPAN } from "../observe/watch.js";
import type { Params } from "./context.js";
import { segmentOf } from "./ids.js";
import type { BatchRecord } from "./journal.js";
import type { Linked } from "./links.js";
import type { Run } from "./run.js";

/** The place of a scope in its outer walk: the step of its flow, `parallel` or batch. */
export interface Place {
  /** The number of that step in its walk, from 1. */
  readonly step: number;
  /** Whether it is the scope of a batch's items. */
  readonly ofItems?: boolean | undefined;
  /** The iteration of a batch flow. */
  readonly iteration?: number | undefined;
  /** The id of a branch among those of a `parallel`. */
  readonly branch?: (() => string) | undefined;
  /** The attempt at the whole walk, from 0. */
  readonly attempt?: number | undefined;
  /** The journal's record of the batch. */
  readonly batch?: BatchRecord | undefined;
}

/** One walk inside a run. */
export class Scope {
  // Declared, because the constructor writes them: as fields each would be written twice.
  declare readonly run: Run;
  declare readonly params: Params;
  declare readonly cancellation: Cancellation | undefined;
  declare readonly index: number | undefined;
  declare readonly flow: Named | undefined;
  declare readonly strict: boolean;
  /** The parent span, in a watched run. */
  declare readonly span: number | undefined;
  /**
   * The first node of the walk; `undefined` for a single step that follows no link: a branch, or a node that runs
   * alone.
   */
  readonly #start: Linked | undefined;
  readonly #outer: Scope | undefined;
  readonly #place: Place | undefined;

  constructor(
    run: Run,
    params: Params = run.params,
    cancellation: Cancellation | undefined = run.cancellation,
    flow?: Named,
    strict = false,
    start?: Linked,
    outer?: Scope,
    place?: Place,
    index: number | undefined = place?.iteration ?? outer?.index,
    span: number | undefined = outer === undefined ? run.watch && RUN_SPAN : outer.span,
  ) {
    this.run = run;
    this.params = params;
    this.cancellation = cancellation;
    this.index = index;
    this.flow = flow;
    this.strict = strict;
    this.span = span;
    this.#start = start;
    this.#outer = outer;
    this.#place = place;
  }

  /** The scope of a walk inside a flow, or of a branch of a `parallel`. */
  child(
    flow: Named,
    strict: boolean,
    start: Linked | undefined,
    params: Params | undefined,
    cancellation: Cancellation | undefined,
    place: Place,
  ): Scope {
    const merged = params === undefined ? this.params : Object.freeze({ ...this.params, ...params });
    return new Scope(this.run, merged, cancellation, flow, strict, start, this, place);
  }

  /** The same scope with another level of cancellation or span. */
  with(cancellation: Cancellation | undefined, span = this.span): Scope {
    return this.#copy(cancellation, span, this.#outer, this.#place);
  }

  /** The scope of the items of the batch at this step. */
  items(cancellation: Cancellation, step: number, batch: BatchRecord | undefined): Scope {
    return this.#copy(cancellation, this.span, this, { step, batch, ofItems: true });
  }

  /** The flow or node that `run()` was called on, unless it is the node itself. */
  get root(): Named | undefined {
    return this.#outer?.root ?? this.flow;
  }

  /** The journal's record of the batch, in the scope of items. */
  get batch(): BatchRecord | undefined {
    return this.#place?.batch;
  }

  /** The attempt at the walk, from 0. */
  get attempt(): number {
    return this.#place?.attempt ?? 0;
  }

  #copy(
    cancellation: Cancellation | undefined,
    span: number | undefined,
    outer: Scope | undefined,
    place: Place | undefined,
  ): Scope {
    const { run, params, flow, strict, index } = this;
    return new Scope(run, params, cancellation, flow, strict, this.#start, outer, place, index, span);
  }

  path(node: Named): (string | number)[] {
    if (this.#place?.ofItems) return (this.#outer as Scope).path(node);
    const { flow } = this;
    const path = flow === undefined ? [] : (this.#outer?.path(flow) ?? [nameOf(flow)]);
    const iteration = this.#place?.iteration;
    if (iteration !== undefined) path.push(iteration);
    path.push(nameOf(node));
    return path;
  }

  /**
   * The key of a node's call: the same in every run of the same graph, for any timing.
   *
   * @param step - The number of the node's step in its walk, from 1.
   * @param item - The index of an item, in the scope of items.
   */
  keyOf(node: Named, step: number, item?: number): string {
    if (this.#place?.ofItems) {
      const { step: number, batch } = this.#place;
      const slot = item === undefined ? item : (batch?.slotOf(item) ?? item);
      return `${(this.#outer as Scope).keyOf(node, number)}[${slot}]`;
    }
    const id = this.idOf(node);
    return `${this.walkKey(node)}${id}${id !== "" && step > 1 ? `#${step}` : ""}`;
  }

  /** The id of a node in this walk; empty for a single step that follows no link. */
  idOf(node: Named): string {
    if (this.#start === undefined) return "";
    const ids = this.run.idsFrom(this.#start);
    const original = (node as Linked)[NODE]?.copies?.original;
    return ids.get(original ?? (node as Linked)) ?? `/${segmentOf(nameOf(node))}`;
  }

  /** The key of the walk itself. */
  walkKey(node: Named): string {
    const outer = this.#outer;
    if (outer === undefined || this.#place === undefined) return segmentOf(nameOf(this.flow ?? node));
    const { step, iteration, branch, attempt = 0 } = this.#place;
    const parent = outer.keyOf(this.flow as Named, step, iteration);
    return `${parent}${branch === undefined ? "" : `|${branch()}`}${attempt > 0 ? `!${attempt + 1}` : ""}`;
  }

  /** Records the node whose hook threw this error. */
  locate(error: unknown, node: Named, item: number | undefined, attempt: number): void {
    const flow = this.flow && nameOf(this.flow);
    setLocation(error, { path: this.path(node), flow, node: nameOf(node), item, attempt });
  }

  /** Ends the run at a node that exceeds `maxSteps`. */
  tooManySteps(node: Named): unknown {
    const error = new SluiceError(
      "MAX_STEPS",
      `The run reached \`maxSteps: ${this.run.maxSteps}\` at ${showPath(this.path(node))}; if the loop is meant to be this long, raise \`maxSteps\``,
    );
    this.locate(error, node, this.index, 0);
    return this.run.halt(error, "now");
  }

  /** The fields of every event. */
  eventFields(node: Named, at = now(), index = this.index) {
    return { runId: this.run.id, path: this.path(node), index, at, parent: this.span };
  }

  warn(code: WarningCode, message: string, node: Named): void {
    const { events } = this.run;
    if (events !== undefined)
      emitEvent(events, { type: "warning", ...this.eventFields(node), code, message });
  }
}

/** Creates a scope, for the wings: bundlers rename a class that refers to itself where it is exported. */
export const newScope = (...args: ConstructorParameters<typeof Scope>): Scope => new Scope(...args);
