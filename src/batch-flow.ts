// BatchFlow and AsyncParallelBatchFlow: a flow that is walked once for each set of params, and fork and join
// for walks that must not meet in one store.
import type { BaseNode } from "./base-node.js";
import {
  type BatchSettings,
  batchRules,
  batchSettings,
  type ConcurrencyOption,
  type Items,
  type OnErrorOption,
  parallelRules,
  runBatch,
} from "./batch.js";
import type { Context } from "./context.js";
import { quote, SluiceError, show } from "./errors.js";
import type { ItemFailure } from "./failure.js";
import { Flow, type FlowOptions, flowRules } from "./flow.js";
import { isPlainObject, type Rule } from "./options.js";
import { attempt, type Job } from "./retry.js";
import { type Scope, StepContext } from "./scope.js";
import type { Awaitable } from "./thenable.js";
import type { Untyped } from "./untyped.js";
import { type Action, MIDDLE, NODE, WALK } from "./walk.js";
import { watchItem } from "./watch/items.js";
import type { Worker } from "./worker.js";

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
  readonly #batch: BatchSettings;

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
    this.#batch = batchSettings(options, concurrency);
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
  override [MIDDLE](items: unknown, shared: S, _ctx: StepContext, scope: Scope): Promise<unknown[]> {
    const { settings } = this[NODE];
    const joins = this.join !== BatchFlow.prototype.join;
    return runBatch(this, items, scope, this.#batch, (cancellation) => {
      const inside = scope.under(cancellation);
      const job = (input: unknown, index: number, worker: Worker): Job => ({
        node: this,
        settings,
        scope: inside,
        input,
        index,
        leaf: false,
        worker,
        perform: (ctx) => this.#iterate(shared, input as P, index, ctx, worker),
      });
      const direct = settings.simple && this.fork === BatchFlow.prototype.fork && !joins;
      return {
        leaf: false,
        keepResults: this.onResult === undefined,
        perform: (params, index, worker) => {
          worker.local = undefined;
          const { watch } = scope.run;
          if (watch !== undefined) {
            return watchItem(watch, this, inside, params, index, worker, false, (within) =>
              attempt({ ...job(params, index, worker), scope: within }),
            );
          }
          if (!direct) return attempt(job(params, index, worker));
          worker.tries = 0;
          this.#checkParams(params, index);
          return this[WALK](shared, scope, params, cancellation, index);
        },
        recover: (error, params, index, worker) => {
          if (worker.tries > 0) throw error; // the attempts have had their last word
          return attempt(job(params, index, worker), { error });
        },
        deliver:
          joins || this.onResult !== undefined
            ? (result, params, index, worker) =>
                this.#deliver(
                  shared,
                  result as Action,
                  params as P,
                  new StepContext(inside, this, index),
                  worker,
                )
            : undefined,
      };
    });
  }

  async #iterate(shared: S, params: P, index: number, ctx: StepContext, worker: Worker): Promise<Action> {
    const { scope } = ctx;
    worker.local = undefined;
    this.#checkParams(params, index);
    let store: S;
    try {
      store = await this.fork(shared, params, ctx);
    } catch (error) {
      scope.locate(error, this, index, ctx.attempt);
      throw error;
    }
    ctx.cancellation?.throwIfAborted();
    const action = await this[WALK](store, scope, params, ctx.cancellation, index);
    worker.local = { store };
    return action;
  }

  async #deliver(shared: S, action: Action, params: P, ctx: StepContext, { local }: Worker): Promise<void> {
    try {
      // No store is left where a fallback stands in for the walk.
      if (local !== undefined) await this.join(shared, params, local.store as S, ctx);
      ctx.cancellation?.throwIfAborted();
      await this.onResult?.(shared, action, params, ctx);
    } finally {
      ctx.close();
    }
  }

  #checkParams(params: unknown, index: number): asserts params is P {
    if (isPlainObject(params)) return;
    throw new SluiceError(
      "INVALID_PARAMS",
      `${quote(this.name)}: expected prep() to give objects of params, such as { file: "a.txt" }, got ${show(params)} at ${index}`,
    );
  }
}

/**
 * A batch flow that walks up to `concurrency` iterations at once.
 *
 * All iterations share one store unless `fork` gives each its own; what they write between two awaits of
 * different iterations may otherwise mix. An abort waits for hooks that may touch the store, and abandons a
 * leaf's `exec` inside.
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
