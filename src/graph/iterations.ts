// The iterations of a batch flow: a fan-out whose items are walks, each with its own store if the flow forks.

import { type Awaitable, after, isThenable, rethrow } from "../base/awaitable.js";
import type { Cancellation } from "../base/cancellation.js";
import { quote, SluiceError, show } from "../base/errors.js";
import { NODE, WALK } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { isPlainObject } from "../base/options.js";
import { attempt } from "../engine/attempts.js";
import type { Params } from "../engine/context.js";
import type { Tried, Trip } from "../engine/execute.js";
import { FanOut } from "../engine/fan-out.js";
import type { FanOutSettings } from "../engine/fan-out-settings.js";
import { wrapItem } from "../engine/items.js";
import type { Place, Scope } from "../engine/scope.js";
import type { Action, Wiring } from "../engine/step.js";
import { StepContext } from "../engine/step-context.js";
import type { Worker } from "../engine/worker.js";

/** The part of a batch flow that iterations use. */
interface Iterated<S> extends Tried {
  readonly [NODE]: Wiring;
  fork(shared: S, params: object, ctx: StepContext): Awaitable<S>;
  join(shared: S, params: object, local: S, ctx: StepContext): Awaitable<void>;
  onResult?(shared: S, action: never, params: object, ctx: StepContext): Awaitable<void>;
  [WALK](
    shared: unknown,
    scope: Scope,
    params: Params | undefined,
    cancellation: Cancellation | undefined,
    place: Place,
  ): Awaitable<Action>;
}

/** The iterations of one execution of a batch flow. */
export class IterationFanOut<S> extends FanOut {
  readonly #flow: Iterated<S>;
  readonly #shared: S;
  readonly #step: number;
  readonly #forks: boolean;
  readonly #joins: boolean;
  /** Whether iterations have no attempts, no own store, and no watch or journal that must know of a failure. */
  readonly #plain: boolean;

  constructor(
    flow: Iterated<S>,
    items: unknown,
    shared: S,
    scope: Scope,
    batch: FanOutSettings & { readonly forks: boolean; readonly joins: boolean },
    step: number,
  ) {
    const { concurrency, collect, maxFailures, forks, joins } = batch;
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
    this.#forks = forks;
    this.#joins = joins;
    const { watch, journal } = scope.run;
    const isSeen = watch !== undefined || journal !== undefined;
    this.#plain = flow[NODE].settings.singleAttempt && !forks && !joins && !isSeen;
  }

  protected override executeItem(params: unknown, index: number, worker: Worker): unknown {
    const { scope } = this;
    worker.local = undefined;
    worker.recovered = false;
    if (this.#plain) {
      worker.tries = 0;
      this.#checkParams(params, index);
      const place = { step: this.#step, iteration: index };
      return this.#flow[WALK](this.#shared, scope, params, scope.cancellation, place);
    }
    const { watch } = scope.run;
    if (watch === undefined) return attempt(this.#job(params, index, scope, worker));
    const result = wrapItem(watch, this.#flow, scope, params, index, worker, (inner) =>
      attempt(this.#job(params, index, inner, worker)),
    );
    return this.#joins ? this.#forkAnswered(result, params, index, worker) : result;
  }

  /** An answer of an `around` hook is joined like the end of a walk, with a forked store. */
  async #forkAnswered(answer: unknown, params: unknown, index: number, worker: Worker): Promise<unknown> {
    const action = await answer;
    if (worker.local !== undefined || worker.recovered || this.scope.cancellation?.aborted) return action;
    const ctx = new StepContext(this.scope, this.#flow, index, 0, 1);
    try {
      worker.local = { store: await this.#fork(params as object, index, ctx) };
    } catch (error) {
      this.scope.locate(error, this.#flow, index, 0);
      throw error;
    } finally {
      ctx.close();
    }
    return action;
  }

  protected override recover(error: unknown, params: unknown, index: number, worker: Worker): unknown {
    if (worker.tries > 0) throw error; // no attempts are left
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
      store = this.#fork(params, index, ctx);
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

  #fork(params: object, index: number, ctx: StepContext): unknown {
    const fork = () => (this.#forks ? this.#flow.fork(this.#shared, params, ctx) : this.#shared);
    return this.record === undefined ? fork() : this.record.fork(index, ctx, fork);
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
      // A fallback leaves no store to join.
      if (local !== undefined) await this.#flow.join(this.#shared, params as object, local.store as S, ctx);
      ctx.cancellation?.throwIfAborted();
      await this.#flow.onResult?.(this.#shared, action as never, params as object, ctx);
    } finally {
      ctx.close();
    }
  }

  #checkParams(params: unknown, index: number): asserts params is Params {
    if (isPlainObject(params)) return;
    throw new SluiceError(
      "INVALID_PARAMS",
      `${quote(nameOf(this.#flow))}: expected prep() to give objects of params, such as { file: "a.txt" }, got ${show(params)} at ${index}`,
    );
  }
}
