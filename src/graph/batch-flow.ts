// BatchFlow and AsyncParallelBatchFlow: a flow that is walked once for each set of params, with fork and join for walks
// that must not share a store.

import type { Awaitable } from "../base/awaitable.js";
import { quote } from "../base/errors.js";
import { MIDDLE, NODE } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { aCountOrInfinity, type Rule } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import type { Context } from "../engine/context.js";
import type { OnError, Outcome } from "../engine/failure.js";
import type { FanOutSettings } from "../engine/fan-out-settings.js";
import type { Scope } from "../engine/scope.js";
import type { Action } from "../engine/step.js";
import type { StepContext } from "../engine/step-context.js";
import type { BaseNode } from "./base-node.js";
import {
  type BatchArguments,
  batchSettings,
  type ConcurrencyOption,
  type Items,
  itemRules,
  type OnErrorOption,
} from "./batch.js";
import { Flow, type FlowOptions, flowRules } from "./flow.js";
import { IterationFanOut } from "./iterations.js";

/** The options of a {@link BatchFlow}. Attempts, timeout and gate are those of each iteration. */
export interface BatchFlowOptions<S = Untyped, E extends OnError = "throw">
  extends FlowOptions<S>,
    OnErrorOption<E> {}

/** The options of an {@link AsyncParallelBatchFlow}. */
export interface ParallelBatchFlowOptions<S = Untyped, E extends OnError = "throw">
  extends BatchFlowOptions<S, E>,
    ConcurrencyOption {}

/** The outcome of one iteration: its last action, or its failure. */
type LastAction<P, E extends OnError> = unknown extends E
  ? Untyped
  : "collect" extends E
    ? Outcome<string | undefined, P, E>
    : Action;

const batchFlowRules: Record<string, Rule> = { ...flowRules, ...itemRules };
const parallelFlowRules: Record<string, Rule> = { ...batchFlowRules, concurrency: aCountOrInfinity };

/**
 * A flow that is walked once for each set of params that `prep` returns, one by one. Its nodes find them merged in
 * `ctx.params`. `post` gets the last action of each walk, in order.
 */
export class BatchFlow<
  S = Untyped,
  P extends object = Untyped,
  E extends OnError = unknown extends P ? Untyped : "throw",
> extends Flow<S> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "BatchFlow";

  constructor(start: BaseNode<S>, ...options: BatchArguments<BatchFlowOptions<S, E>, E>);
  /** @internal */
  constructor(
    start: BaseNode<S>,
    options: ParallelBatchFlowOptions<S, OnError> | undefined,
    rules: Record<string, Rule>,
    concurrency: number,
  );
  /** @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(
    start: BaseNode<S>,
    options?: ParallelBatchFlowOptions<S, OnError>,
    rules: Record<string, Rule> = batchFlowRules,
    concurrency = 1,
  ) {
    super(start, options, rules);
    this[NODE].batch = batchSettings(quote(nameOf(this)), options, concurrency);
  }

  /** Returns the params of each iteration: an iterable or async iterable of objects, pulled lazily. */
  override prep(_shared: S, _ctx: Context): Awaitable<Items<P>> {
    return undefined;
  }

  /** Returns an action after the last attempt of an iteration has failed. @default throws the error */
  override execFallback(_params: P, error: unknown, _ctx: Context): Awaitable<Untyped> {
    throw error;
  }

  /** Tokens to reserve at the flow's gate before each iteration. */
  override cost?(params: P): Awaitable<number>;

  /** Returns the store of one iteration; called again for each attempt. @default the shared store itself */
  fork(shared: S, _params: P, _ctx: Context): Awaitable<S> {
    return shared;
  }

  /** Merges the store of a successful iteration into the shared store; called one at a time. @default does nothing */
  join(_shared: S, _params: P, _local: S, _ctx: Context): Awaitable<void> {}

  /** Receives each last action when its walk ends, one at a time; the list that `post` gets is then empty. */
  onResult?(shared: S, action: LastAction<P, E>, params: P, ctx: Context): Awaitable<void>;

  /** Returns the action of the flow, given the last action of each iteration in order. @default `"default"` */
  override post(
    _shared: S,
    _params: Untyped,
    _actions: LastAction<P, E>[],
    _ctx: Context,
  ): Awaitable<Action> {
    return undefined;
  }

  /** @internal */
  override [MIDDLE](items: unknown, shared: S, { step }: StepContext, scope: Scope): Promise<unknown[]> {
    const { concurrency, collect, maxFailures } = this[NODE].batch as FanOutSettings;
    const forks = overrides(this, "fork");
    const joins = overrides(this, "join");
    const batch = { concurrency, collect, maxFailures, forks, joins };
    return new IterationFanOut<S>(this as never, items, shared, scope, batch, step).run();
  }
}

/**
 * A batch flow that walks up to `concurrency` iterations at once.
 *
 * All iterations share one store unless `fork` gives each its own. If `post` and the next `prep` are synchronous, no
 * other iteration runs between them, so the next node reads what the node wrote. This does not hold across an `exec` or
 * an await in a hook: then override `fork` and `join`. An abort waits for hooks with access to the store, and abandons
 * the `exec` of a leaf.
 *
 * @example
 * ```ts
 * import { AsyncParallelBatchFlow, node } from "sluice";
 *
 * interface Shared { word?: string; lengths: Record<string, number> }
 *
 * const measure = node({
 *   prep: (shared: Shared) => shared.word ?? "",
 *   exec: async (word) => word.length,
 *   post: (shared, word, length) => { shared.lengths[word] = length; },
 * });
 *
 * class MeasureAll extends AsyncParallelBatchFlow<Shared, { word: string }> {
 *   override prep() { return [{ word: "lock" }, { word: "sluice" }]; }
 *   override fork(_shared: Shared, { word }: { word: string }): Shared { return { word, lengths: {} }; }
 *   override join(shared: Shared, _params: { word: string }, local: Shared) { Object.assign(shared.lengths, local.lengths); }
 * }
 * const shared: Shared = { lengths: {} };
 * await new MeasureAll(measure).run(shared);
 * shared.lengths; // => { lock: 4, sluice: 6 }
 * ```
 */
export class AsyncParallelBatchFlow<
  S = Untyped,
  P extends object = Untyped,
  E extends OnError = unknown extends P ? Untyped : "throw",
> extends BatchFlow<S, P, E> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "AsyncParallelBatchFlow";
  /** @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(start: BaseNode<S>, ...[options]: BatchArguments<ParallelBatchFlowOptions<S, E>, E>) {
    super(start, options, parallelFlowRules, 16);
  }
}

/** Outside the class: bundlers rename a class that refers to itself. */
const overrides = (flow: BatchFlow, hook: "fork" | "join"): boolean =>
  flow[hook] !== BatchFlow.prototype[hook];
