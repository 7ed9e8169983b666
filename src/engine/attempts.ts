// Attempts: what one call of `exec`, or of a flow's walk, goes through until it has a result or has failed. From the
// outside in: attempts with their waits and the fallback, the budget, gates, `around` hooks, the call itself.
import { type Awaitable, isThenable, Pending, whenSettled } from "../base/awaitable.js";
import { sleep } from "../base/cancellation.js";
import { invalidOption, locate, quote, SluiceError, show } from "../base/errors.js";
import { isAmount } from "../base/options.js";
import { type AcquireRequest, acquire, type Grant, type Passable } from "../gate/acquire.js";
import { isGate } from "../gate/brand.js";
import { releaseCarried } from "../gate/held-slots.js";
import { readRefusal } from "../gate/refusal.js";
import { backpressure } from "../observe/events.js";
import { waitAfter } from "./backoff.js";
import { call, type Job } from "./execute.js";
import { StepContext } from "./step-context.js";

type Failed = { readonly error: unknown };

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
  /** The attempt under way, from 0; counted by #decide. */
  #number = 0;
  /** What the attempt before threw; written by #decide. */
  #lastError: unknown;

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
    scope.cancellation?.throwIfDraining();
    if (worker !== undefined) worker.tries = this.#number + 1;
    let work: unknown;
    try {
      work = tryOnce(this.#job, this.#number, this.#lastError, failed);
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
        this.#lastError = error;
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
  cancellation?.throwIfDraining(); // a failure of a run that ends is neither tried again nor decided
  // A walk's failure was located where it happened, unless it is the walk's own timeout.
  if (walk === undefined || locate(error) === undefined) scope.locate(error, node, index, number);
  if (worker !== undefined) releaseCarried(worker, run.held); // only `exec` itself holds a slot
  const wait = await waitBefore(job, error, number);
  report(job, wait);
  cancellation?.throwIfDraining();
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

/** The longest wait that an error is believed to ask for, in ms. */
const LONGEST_NAMED_WAIT = 300_000;

/** The wait before another attempt, in ms; `undefined` when there is none. */
async function waitBefore(job: Job, error: unknown, number: number) {
  const { node, settings, scope, index } = job;
  if (number + 1 >= settings.attempts) return undefined;
  try {
    if (!(await raced(job, settings.retryIf(error)))) return undefined;
    scope.cancellation?.throwIfDraining();
    const wait = await raced(job, waitAfter(settings.backoff, number, error, node.name));
    // A gate has waited for what it was told already.
    const named = settings.isGated ? 0 : (readRefusal(error)?.wait ?? 0);
    return Math.max(wait, Math.min(named, LONGEST_NAMED_WAIT));
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
  const { node, scope, input, index, step, worker } = job;
  const ctx = new StepContext(scope, node, index, number, step);
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

function tryOnce(job: Job, number: number, lastError: unknown, failed: Failed | undefined): unknown {
  const { node, settings, scope, index, step, walk } = job;
  const ctx = new StepContext(scope, node, index, number, step);
  if (number > 0) ctx.follows(lastError);
  const isMetered = walk === undefined && scope.run.meter !== undefined;
  if (settings.isGated || isMetered) return tryMetered(job, ctx, failed);
  if (failed !== undefined) throw failed.error;
  return perform(job, ctx);
}

/** Makes an attempt that takes tokens: of the run's budget, and then of its gates. */
async function tryMetered(job: Job, ctx: StepContext, failed: Failed | undefined): Promise<unknown> {
  const { node, scope, index, walk } = job;
  let tokens = 0;
  let gates: readonly Passable[];
  try {
    if (node.cost !== undefined) tokens = await costOf(job, ctx.attempt);
    gates = gatesOf(job, ctx);
  } catch (error) {
    scope.locate(error, node, index, ctx.attempt);
    throw error;
  }
  const { cancellation, run } = scope;
  const fields = () => scope.eventFields(node, undefined, index);
  const reservation = walk === undefined ? await run.meter?.reserve(tokens, cancellation, fields) : undefined;
  let wasMade = false;
  const start = (grant?: Grant) => {
    // A call that goes again after a refusal has a context of its own.
    const own = wasMade ? ctx.renew() : ctx;
    wasMade = true;
    if (grant !== undefined) own.hold(grant);
    if (reservation !== undefined) own.reserve(reservation);
    return perform(job, own, grant) as Awaitable<unknown>;
  };
  const refused = () => {
    wasMade = false;
  };
  try {
    cancellation?.throwIfDraining();
    return await (gates.length === 0
      ? start()
      : acquire(requestOf(job, gates, tokens, refused), start, failed));
  } catch (error) {
    if (readRefusal(error) !== undefined) wasMade = false;
    throw error;
  } finally {
    reservation?.end(wasMade);
  }
}

function requestOf(
  job: Job,
  gates: readonly Passable[],
  tokens: number,
  onRefusal: () => void,
): AcquireRequest {
  const { node, scope, index, worker, walk, settings } = job;
  const { watch, held } = scope.run;
  return {
    gates,
    tokens,
    borrowedFrom: held,
    cancellation: scope.cancellation,
    slots: walk === undefined,
    // A worker carries slots to its next item, which has the same gates unless a function chooses them.
    carrier: settings.chooseGate === undefined ? worker : undefined,
    log: watch?.gateLog(gates, (at) => scope.eventFields(node, at, index)),
    refused: (pause) => {
      onRefusal();
      if (watch !== undefined) report(job, pause);
    },
    raced: isRaced(job),
  };
}

/** The gates of one attempt. */
function gatesOf({ node, settings, input }: Job, ctx: StepContext): readonly Passable[] {
  const { gates, chooseGate } = settings;
  if (chooseGate === undefined) return gates;
  const chosen: unknown = chooseGate(input, ctx);
  if (chosen === undefined) return gates;
  if (isGate(chosen)) return [chosen as unknown as Passable, ...gates];
  throw invalidOption(quote(node.name), "gate", "a function that returns a Gate or undefined", chosen);
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
    `${quote(node.name)}: expected cost() to return tokens as a finite number from 0 up, got ${show(tokens)}`,
  );
}
