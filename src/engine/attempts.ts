// Attempts: what one call of `exec`, or of a flow's walk, goes through until it has a result or has failed. The one
// place that calls `exec`.

import { type Awaitable, after, isThenable, Pending, whenSettled } from "../base/awaitable.js";
import { Cancellation, sleep } from "../base/cancellation.js";
import { locate, quote, SluiceError, show } from "../base/errors.js";
import { nameOf } from "../base/name.js";
import { isAmount } from "../base/options.js";
import { type AcquireRequest, acquire, enter, type Grant, tryAcquire } from "../gate/acquire.js";
import { releaseCarried } from "../gate/held-slots.js";
import { backpressure } from "../observe/events.js";
import { waitAfter } from "./backoff.js";
import { type Scope, StepContext } from "./scope.js";
import type { Settings } from "./settings.js";
import type { Worker } from "./worker.js";

/** The hooks that attempts call. */
interface Tried {
  readonly name: string;
  cost?(input: unknown): Awaitable<number>;
  execFallback(input: unknown, error: unknown, ctx: StepContext): unknown;
}

/** A node whose `exec` holds no reference to the store: it takes slots, and may be abandoned. */
export interface Leaf extends Tried {
  exec(input: unknown, ctx: StepContext): unknown;
}

/** One piece of work to be tried. */
interface Work {
  readonly settings: Settings;
  readonly scope: Scope;
  readonly input: unknown;
  readonly index: number | undefined;
  readonly worker?: Worker | undefined;
  /** Reports that the last attempt has failed, and what comes after; written by the attempt. */
  tell?: ((after?: { readonly wait: number | undefined }) => void) | undefined;
}

/** The `exec` of a leaf. */
export interface Call extends Work {
  readonly node: Leaf;
  readonly walk?: undefined;
}

/** The walk of a flow, which is awaited in any case, since it may touch the store. */
export interface Trip extends Work {
  readonly node: Tried;
  walk(ctx: StepContext): unknown;
}

type Job = Call | Trip;
type Failed = { readonly error: unknown };

/**
 * The short road of a node without attempts, timeout and gates: calls `exec` with the context that `prep` had, and the
 * fallback if it fails.
 */
export function executeOnce(node: Leaf, input: unknown, ctx: StepContext): unknown {
  const { cancellation } = ctx.scope;
  const recover = (error: unknown) => {
    cancellation?.throwIfAborted();
    const result = node.execFallback(input, error, ctx);
    return isThenable(result) ? (cancellation?.race(result) ?? result) : result;
  };
  let result: unknown;
  try {
    result = node.exec(input, ctx);
  } catch (error) {
    return recover(error);
  }
  if (!isThenable(result)) return result;
  return after(cancellation?.race(result) ?? result, asItIs, recover);
}

const asItIs = (value: unknown) => value;

/** What {@link startItem} gives for an item that must go through {@link attempt}. */
export const NOT_STARTED = Symbol("not started");

/**
 * The short road of an item's first attempt, also through a gate that need not be waited for: most attempts need no
 * more, and cost no promise of ours. What `exec` throws goes to {@link attempt} as `failed`.
 */
export function startItem(
  node: Leaf,
  { gates, timeout }: Settings,
  scope: Scope,
  input: unknown,
  index: number,
  worker: Worker,
): unknown {
  worker.tries = 0; // by which a failure is known to need attempt() yet
  if (timeout !== undefined) return NOT_STARTED;
  const ctx = new StepContext(scope, node, index, 0, worker);
  if (gates.length === 0) return node.exec(input, ctx);
  worker.cost = undefined;
  worker.cost = node.cost === undefined ? 0 : node.cost(input);
  if (!isAmount(worker.cost)) return NOT_STARTED;
  const tokens = worker.cost;
  if (worker.request?.tokens !== tokens) {
    const { run, cancellation } = scope;
    worker.request = { gates, tokens, borrowedFrom: run.held, cancellation, slots: true, carrier: worker };
  }
  worker.grant = tryAcquire(worker.request as AcquireRequest, worker);
  if (worker.grant === undefined) return NOT_STARTED;
  ctx.hold(worker.grant);
  return enter(gates, () => node.exec(input, ctx));
}

/**
 * Tries a job until it succeeds, its attempts are used up, or it is aborted; then the fallback decides.
 *
 * @param failed - What the first attempt threw, if it was made already.
 * @returns The result: at once, or as a Pending, so that a walk's end goes on in the same turn.
 */
export const attempt = (job: Job, failed?: Failed): unknown => new Attempts(job).start(failed);

const WAITING = Symbol("waiting");

/** The attempts at one job. No async function, so that a flow's walk starts and ends in the turn of its step. */
class Attempts extends Pending {
  readonly #job: Job;
  #number = 0;

  constructor(job: Job) {
    super();
    this.#job = job;
  }

  start(failed: Failed | undefined): unknown {
    const result = this.#try(failed);
    return result === WAITING ? this : result;
  }

  #try(failed?: Failed): unknown {
    const { scope, worker } = this.#job;
    scope.cancellation?.throwIfAborted();
    if (worker !== undefined) worker.tries = this.#number + 1;
    let work: unknown;
    try {
      work = tryOnce(this.#job, this.#number, failed);
    } catch (error) {
      work = Promise.reject(error);
    }
    if (!isThenable(work)) {
      scope.cancellation?.throwIfAborted();
      return work;
    }
    whenSettled(
      work,
      (value) => this.#end(value),
      (error) => this.#decide(error),
    );
    return WAITING;
  }

  #end(value: unknown): void {
    report(this.#job);
    const { cancellation } = this.#job.scope;
    if (cancellation?.aborted) this.reject(cancellation.reason);
    else this.resolve(value);
  }

  #fail(error: unknown): void {
    report(this.#job);
    this.reject(error);
  }

  #decide(error: unknown): void {
    decide(this.#job, error, this.#number).then(
      (decision) => {
        if (decision !== AGAIN) return this.#end(decision.result);
        this.#number++;
        try {
          const result = this.#try();
          if (result !== WAITING) this.#end(result);
        } catch (failure) {
          this.#fail(failure);
        }
      },
      (failure) => this.#fail(failure),
    );
  }
}

const AGAIN = Symbol("again");

/** What follows a failure: another attempt, once it is time, or what the fallback gives. */
async function decide(
  job: Job,
  error: unknown,
  number: number,
): Promise<typeof AGAIN | { readonly result: unknown }> {
  const { node, scope, index, worker, walk } = job;
  const { run, cancellation } = scope;
  cancellation?.throwIfAborted();
  // A walk's failure was located where it happened, unless it is the walk's own timeout.
  if (walk === undefined || locate(error) === undefined) scope.locate(error, node, index, number);
  if (error === run.exceeded) throw error;
  if (worker !== undefined) releaseCarried(worker, run.held); // only `exec` itself holds a slot
  const wait = await waitBefore(job, error, number);
  report(job, wait);
  cancellation?.throwIfAborted();
  if (wait === undefined) return { result: await recover(job, error, number) };
  if (wait > 0) {
    await sleep(wait, cancellation, isRaced(job) ? () => {} : undefined);
  } else await yieldTo(job);
  return AGAIN;
}

/**
 * Whether the fan-out races its items against the abort: then a wait that is abandoned need not settle, which takes
 * 17 us each (10,000 that wait: 170 ms).
 */
const isRaced = ({ walk, worker, scope }: Job): boolean =>
  walk === undefined && worker !== undefined && scope.run.watch === undefined;

/** Gives the event loop its turn, and a slow reader theirs, before an attempt that need not wait. */
async function yieldTo({ scope: { run, cancellation } }: Job): Promise<void> {
  const { yields, watch, events } = run;
  if (--yields.budget <= 0) {
    for (let turn = yields.checkClock(); turn !== undefined; turn = yields.yieldAgain()) await turn;
  }
  const reader = watch && events && backpressure(events, cancellation);
  if (reader !== undefined) await reader;
}

/** Work of the user's hooks that holds no store, abandoned at an abort. */
const raced = <T>({ scope: { cancellation } }: Job, work: Awaitable<T>): Awaitable<T> =>
  isThenable(work) ? (cancellation?.race(work as PromiseLike<T>) ?? work) : work;

/** The wait before another attempt, in ms; `undefined` when there is none. */
async function waitBefore(job: Job, error: unknown, number: number) {
  const { node, settings, scope, index } = job;
  if (number + 1 >= settings.attempts) return undefined;
  try {
    if (!(await raced(job, settings.retryIf(error)))) return undefined;
    scope.cancellation?.throwIfAborted();
    return await raced(job, waitAfter(settings.backoff, number, error, nameOf(node)));
  } catch (failure) {
    scope.locate(failure, node, index, number);
    throw failure;
  }
}

/** Reports what comes after an attempt that failed, if that was not reported yet. */
function report(job: Job, wait?: number): void {
  job.tell?.({ wait });
  job.tell = undefined;
}

async function recover(job: Job, error: unknown, number: number): Promise<unknown> {
  const { node, scope, input, index, worker } = job;
  const ctx = new StepContext(scope, node, index, number);
  if (worker !== undefined) worker.recovered = true;
  try {
    return await raced(job, node.execFallback(input, error, ctx) as Awaitable<unknown>);
  } catch (failure) {
    if (failure !== error) scope.locate(failure, node, index, number);
    throw failure;
  } finally {
    ctx.close();
  }
}

function tryOnce(job: Job, number: number, failed: Failed | undefined): unknown {
  const { node, settings, scope, index } = job;
  if (settings.gates.length === 0) {
    if (failed !== undefined) throw failed.error;
    return perform(job, new StepContext(scope, node, index, number));
  }
  return tryGated(job, number, failed);
}

async function tryGated(job: Job, number: number, failed: Failed | undefined): Promise<unknown> {
  const { node, settings, scope, index, worker, walk } = job;
  const { gates } = settings;
  const { watch, held } = scope.run;
  let tokens = 0;
  try {
    if (node.cost !== undefined) tokens = await costOf(job, number);
  } catch (error) {
    scope.locate(error, node, index, number);
    throw error;
  }
  const request: AcquireRequest = {
    gates,
    tokens,
    borrowedFrom: held,
    cancellation: scope.cancellation,
    slots: walk === undefined,
    carrier: worker,
    log: watch?.gateLog(gates, (at) => scope.eventFields(node, at, index)),
    refused: watch && ((pause) => report(job, pause)),
    raced: isRaced(job),
  };
  const start = (grant: Grant) => {
    const ctx = new StepContext(scope, node, index, number);
    ctx.hold(grant);
    return perform(job, ctx, grant) as Awaitable<unknown>;
  };
  return acquire(request, start, failed);
}

/** Makes the call, inside the hooks where something watches. */
function perform(job: Job, ctx: StepContext, grant?: Grant): unknown {
  const { node, scope, walk, settings, input } = job;
  const { watch } = scope.run;
  // The walk of a flow that is not tried as such is no attempt.
  if (watch === undefined || (walk !== undefined && settings.singleAttempt)) return call(job, ctx, grant);
  return watch.wrap({
    kind: "attempt",
    node,
    place: scope,
    index: ctx.index,
    attempt: ctx.attempt,
    input,
    more: () => ({ wait: undefined }),
    failed: (tell) => {
      job.tell = tell;
    },
    perform: () => call(job, ctx, grant),
  });
}

/**
 * Calls `exec` or walks, under the timeout if there is one. An `exec` that is abandoned ends for the hooks around it
 * here; its slots stay taken until it has really ended, for the vendor is still busy with it.
 */
function call(job: Job, ctx: StepContext, grant: Grant | undefined): unknown {
  const { node, input } = job;
  const deadline = job.settings.timeout === undefined ? undefined : new Deadline(job, job.settings.timeout);
  if (deadline !== undefined) ctx.limit(deadline.level);
  const { cancellation } = ctx;
  let work: unknown;
  const end = () => {
    deadline?.end();
    const abandoned = cancellation?.abandoning === true && job.walk === undefined;
    ctx.close(abandoned);
    if (abandoned && isThenable(work)) grant?.linger(work);
  };
  try {
    work = job.walk === undefined ? job.node.exec(input, ctx) : job.walk(ctx);
  } catch (error) {
    end();
    cancellation?.throwIfAborted();
    throw error;
  }
  const ended = isThenable(work) && job.walk === undefined ? (cancellation?.race(work) ?? work) : work;
  return after(
    ended,
    (result) => {
      deadline?.check();
      end();
      cancellation?.throwIfAborted();
      return result;
    },
    (error) => {
      end();
      throw error;
    },
  );
}

/** The level of cancellation of an attempt with a timeout. */
class Deadline {
  readonly level = new Cancellation(true);
  readonly #job: Job;
  readonly #timeout: number;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #began = performance.now();

  constructor(job: Job, timeout: number) {
    this.#job = job;
    this.#timeout = timeout;
    if (job.scope.cancellation !== undefined) this.level.follow(job.scope.cancellation);
    this.#timer = setTimeout(() => this.#fire(), timeout);
  }

  /** An `exec` that blocked the event loop past its timeout has kept the timer from firing. */
  check(): void {
    if (performance.now() - this.#began > this.#timeout + EARLY) this.#fire();
  }

  #fire(): void {
    const text = `${quote(nameOf(this.#job.node))} took longer than its \`timeout: ${this.#timeout}\` ms`;
    this.level.abort(new SluiceError("TIMEOUT", text), true);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.level.release();
  }
}

/** A timer may fire this many ms early, by the clock that measures it here. */
const EARLY = 2;

/** The tokens to reserve; a first attempt may have asked for them already. */
async function costOf(job: Job, number: number): Promise<number> {
  const { node, scope, input, worker } = job;
  const asked = number === 0 ? worker?.cost : undefined;
  if (worker !== undefined) worker.cost = undefined;
  let tokens: unknown = asked ?? node.cost?.(input);
  if (isThenable(tokens)) {
    if (worker !== undefined) releaseCarried(worker, scope.run.held);
    tokens = await raced(job, tokens);
  }
  if (isAmount(tokens)) return tokens;
  throw new SluiceError(
    "INVALID_COST",
    `${quote(nameOf(node))}: expected cost() to return tokens as a finite number from 0 up, got ${show(tokens)}`,
  );
}
