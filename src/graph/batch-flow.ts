// BatchFlow and AsyncParallelBatchFlow: a flow that is walked once for each set of params, and fork and join
// for walks that must not meet in one store.

import { type Awaitable, after, isThenable, rethrow } from "../base/awaitable.js";
import { quote, SluiceError, show } from "../base/errors.js";
import { isPlainObject, type Rule } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import { attempt } from "../engine/attempts.js";
import type { Context, Params } from "../engine/context.js";
import type { Trip } from "../engine/execute.js";
import type { ItemFailure } from "../engine/failure.js";
import { FanOut, type FanOutSettings } from "../engine/fan-out.js";
import { wrapItem } from "../engine/items.js";
import type { Scope } from "../engine/scope.js";
import { type Action, MIDDLE, NODE, WALK } from "../engine/step.js";
import { StepContext } from "../engine/step-context.js";
import type { Worker } from "../engine/worker.js";
import type { BaseNode } from "./base-node.js";
import {
  batchRules,
  batchSettings,
  type ConcurrencyOption,
  type Items,
  type OnErrorOption,
  parallelRules,
} from "./batch.js";
import { Flow, type FlowOptions, flowRules } from "./flow.js";

/** The options of a {@link BatchFlow}. Attempts, timeout and gate are those of each iteration. */
export interface BatchFlowOptions<S = Untyped> extends FlowOptions<S>, OnErrorOption {}

/** The options of an {@link AsyncParallelBatchFlow}. */
export interface ParallelBatchFlowOptions<S = Untyped> extends BatchFlowOptions<S>, ConcurrencyOption {}

const batchFlowRules: Record<string, Rule> = { ...flowRules, ...batchRules };
const parallelFlowRules: Record<string, Rule> = { ...flowRules, ...parallelRules };

/**
 * A flow that is walked once for each set of params that `prep` gives, one by one. The nodes inside find them
 * merged in `ctx.params`. `post` gets the last action of each walk, in order.
 */
export class BatchFlow<S = Untyped, P extends object = Untyped> extends Flow<S> {
  /** @internal Bundlers rename classes, and a node is called after its class. */
  static override readonly name: string = "BatchFlow";
  readonly #batch: FanOutSettings;

  constructor(start: BaseNode<S>, options?: BatchFlowOptions<S>);
  /** @internal */
  constructor(
    start: BaseNode<S>,
    options: ParallelBatchFlowOptions<S> | undefined,
    rules: Record<string, Rule>,
    concurrency: number,
  );
  /** @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(
    start: BaseNode<S>,
    options?: ParallelBatchFlowOptions<S>,
    rules: Record<string, Rule> = batchFlowRules,
    concurrency = 1,
  ) {
    super(start, options, rules);
    this.#batch = batchSettings(quote(this.name), options, concurrency);
  }

  /** Gives the params of each iteration: an iterable or async iterable of objects, pulled lazily. */
  override prep(_shared: S, _ctx: Context): Awaitable<Items<P>> {
    return undefined;
  }

  /** Gives an action in place of an iteration whose attempts are used up. @default throws the error */
  override execFallback(_params: P, error: unknown, _ctx: Context): Awaitable<Untyped> {
    throw error;
  }

  /** Tokens to reserve at the flow's gate before each iteration. */
  override cost?(params: P): Awaitable<number>;

  /** Gives the store that one iteration works on; each attempt forks anew. @default the shared store itself */
  fork(shared: S, _params: P, _ctx: Context): Awaitable<S> {
    return shared;
  }

  /** Merges the store of an iteration that succeeded back; called one at a time. @default nothing */
  join(_shared: S, _params: P, _local: S, _ctx: Context): Awaitable<void> {}

  /** Takes each last action as its walk finishes, one at a time; the list that `post` gets then stays empty. */
  onResult?(shared: S, action: Action | ItemFailure<P>, params: P, ctx: Context): Awaitable<void>;

  /** Decides what the flow returns, given the last action of each iteration in order. @default nothing */
  override post(_shared: S, _params: Untyped, _actions: Untyped, _ctx: Context): Awaitable<Action> {
    return undefined;
  }

  /** @internal */
  override [MIDDLE](items: unknown, shared: S, { step }: StepContext, scope: Scope): Promise<unknown[]> {
    return new IterationFanOut(this, items, shared, scope, this.#batch, step).run();
  }
}

/** The iterations of one execution of a batch flow. */
class IterationFanOut<S> extends FanOut {
  readonly #flow: BatchFlow<S>;
  readonly #shared: S;
  readonly #step: number;
  readonly #joins: boolean;
  /** Neither attempts nor a store of its own. */
  readonly #plain: boolean;

  constructor(
    flow: BatchFlow<S>,
    items: unknown,
    shared: S,
    scope: Scope,
    batch: FanOutSettings,
    step: number,
  ) {
    const { concurrency, collect, maxFailures } = batch;
    const joins = flow.join !== BatchFlow.prototype.join;
    const keepResults = flow.onResult === undefined;
    const delivers = joins || !keepResults;
    super(
      flow,
      items,
      scope,
      { concurrency, collect, maxFailures, leaf: false, keepResults, delivers },
      step,
    );
    this.#step = step;
    this.#flow = flow;
    this.#shared = shared;
    this.#joins = joins;
    this.#plain =
      flow[NODE].settings.singleAttempt &&
      flow.fork === BatchFlow.prototype.fork &&
      !joins &&
      scope.run.watch === undefined;
  }

  protected override perform(params: unknown, index: number, worker: Worker): unknown {
    const { scope } = this;
    worker.local = undefined;
    worker.recovered = false;
    if (this.#plain) {
      worker.tries = 0;
      this.#checkParams(params, index);
      return this.#flow[WALK](this.#shared, scope, params, scope.cancellation, {
        step: this.#step,
        iteration: index,
      });
    }
    const { watch } = scope.run;
    if (watch === undefined) return attempt(this.#job(params, index, scope, worker));
    const result = wrapItem(watch, this.#flow, scope, params, index, worker, (inner) =>
      attempt(this.#job(params, index, inner, worker)),
    );
    return this.#joins ? this.#forkAnswered(result, params, index, worker) : result;
  }

  /** What an `around` hook answers in place of a walk is joined like a walk's end, with a store to join. */
  async #forkAnswered(answer: unknown, params: unknown, index: number, worker: Worker): Promise<unknown> {
    const action = await answer;
    if (worker.local !== undefined || worker.recovered || this.scope.cancellation?.aborted) return action;
    const ctx = new StepContext(this.scope, this.#flow, index, 0, 1);
    try {
      worker.local = { store: await this.#flow.fork(this.#shared, params as object, ctx) };
    } catch (error) {
      this.scope.locate(error, this.#flow, index, 0);
      throw error;
    } finally {
      ctx.close();
    }
    return action;
  }

  protected override recover(error: unknown, params: unknown, index: number, worker: Worker): unknown {
    if (worker.tries > 0) throw error; // the attempts have had their last word
    return attempt(this.#job(params, index, this.scope, worker), { error });
  }

  #job(input: unknown, index: number, scope: Scope, worker: Worker): Trip {
    const node = this.#flow;
    const walk = (ctx: StepContext) => this.#iterate(input, index, ctx, worker);
    return { node, settings: node[NODE].settings, scope, input, index, step: 1, worker, walk };
  }

  #iterate(params: unknown, index: number, ctx: StepContext, worker: Worker): unknown {
    const { scope } = ctx;
    worker.local = undefined;
    worker.recovered = false;
    this.#checkParams(params, index);
    const failed = (error: unknown) => {
      scope.locate(error, this.#flow, index, ctx.attempt);
      throw error;
    };
    let store: unknown;
    try {
      store = this.#flow.fork(this.#shared, params, ctx);
    } catch (error) {
      return failed(error);
    }
    if (!isThenable(store)) return this.#walkOn(store as S, params, index, ctx, worker);
    return after(
      Promise.resolve(store).catch(failed),
      (forked) => this.#walkOn(forked as S, params, index, ctx, worker),
      rethrow,
    );
  }

  #walkOn(store: S, params: object, index: number, ctx: StepContext, worker: Worker): unknown {
    ctx.cancellation?.throwIfAborted();
    const place = { step: this.#step, iteration: index, attempt: ctx.attempt };
    const walk = this.#flow[WALK](store, ctx.scope, params, ctx.cancellation, place);
    const end = (action: unknown) => {
      worker.local = { store };
      return action;
    };
    return after(walk, end, rethrow);
  }

  protected override async deliver(action: unknown, params: unknown, index: number, { local }: Worker) {
    const ctx = new StepContext(this.scope, this.#flow, index, 0, 1);
    try {
      // No store is left where a fallback stands in for the walk.
      if (local !== undefined) await this.#flow.join(this.#shared, params as object, local.store as S, ctx);
      ctx.cancellation?.throwIfAborted();
      await this.#flow.onResult?.(this.#shared, action as Action, params as object, ctx);
    } finally {
      ctx.close();
    }
  }

  #checkParams(params: unknown, index: number): asserts params is Params {
    if (isPlainObject(params)) return;
    throw new SluiceError(
      "INVALID_PARAMS",
      `${quote(this.#flow.name)}: expected prep() to give objects of params, such as { file: "a.txt" }, got ${show(params)} at ${index}`,
    );
  }
}

/**
 * A batch flow that walks up to `concurrency` iterations at once.
 *
 * All iterations share one store unless `fork` gives each its own. With a sync `post` and a sync `prep`, what one node
 * wrote is what the next node of the same iteration reads: no other iteration runs between the two. It does not hold
 * over an `exec`, nor where a hook awaits something; then override `fork` and `join`. An abort waits for hooks that
 * may touch the store, and abandons a leaf's `exec` inside.
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
export class AsyncParallelBatchFlow<S = Untyped, P extends object = Untyped> extends BatchFlow<S, P> {
  /** @internal Bundlers rename classes, and a node is called after its class. */
  static override readonly name: string = "AsyncParallelBatchFlow";
  /** @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(start: BaseNode<S>, options?: ParallelBatchFlowOptions<S>) {
    super(start, options, parallelFlowRules, 16);
  }
}
