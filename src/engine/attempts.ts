// Attempts: the layers around a call of `exec` or a flow's walk. From the outside in: attempts with their backoffs and
// the fallback, the budget, gates, `around` hooks, the call itself.
import { isThenable, type Listener, Pending, whenSettled } from "../base/awaitable.js";
import { raced, sleep } from "../base/cancellation.js";
import { locate } from "../base/errors.js";
import { EXECUTOR } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { readRefusal } from "../gate/refusal.js";
import { backpressure } from "../observe/events.js";
import { waitAfter } from "./backoff.js";
import type { Call, Job } from "./execute.js";
import { contextOf, type Failed, isRaced, report, tryOnce } from "./one-attempt.js";

/**
 * Tries a job until it succeeds, has no attempts left, or is aborted. After the last attempt it calls the fallback.
 *
 * @param failed - The error of the first attempt, if it was made already.
 * @returns The result: synchronously, or as a Pending, so that the outer walk continues in the same turn.
 */
export function attempt(job: Job, failed?: Failed): unknown {
  const { journal } = job.scope.run;
  if (journal === undefined) return make(job, 0, failed);
  return journal.recall(job, (error) => make(job, journal.attemptOf(job), error ?? failed));
}

/** Computes a result that the journal does not have. */
function make(job: Job, first: number, failed: Failed | undefined): unknown {
  const { executor } = job.settings;
  if (executor !== undefined && failed === undefined) return executor[EXECUTOR].run(job as Call);
  return attemptHere(job, failed, first);
}

/** The same as {@link attempt}, but without the journal, and in this process even if the node has an executor. */
export const attemptHere = (job: Job, failed?: Failed, first?: number): unknown =>
  new Attempts(job, first).start(failed);

const WAITING = Symbol("waiting");

/** The attempts at one job. It is not an async function, so that a flow's walk starts and ends in the turn of its step. */
class Attempts extends Pending implements Listener {
  readonly #job: Job;
  /** The first attempt of this process: above 0 for a walk of a resumed run. */
  readonly #first: number;
  /** The current attempt, from 0; counted by #follow. */
  #number: number;
  /** The error of the last attempt; written by #follow. */
  #lastError: unknown;

  constructor(job: Job, first = 0) {
    super();
    this.#job = job;
    this.#first = this.#number = first;
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
    whenSettled(work, this);
    return WAITING;
  }

  succeeded(value: unknown): void {
    report(this.#job);
    const { cancellation } = this.#job.scope;
    if (cancellation?.aborted) this.reject(cancellation.reason);
    else this.resolve(value);
  }

  #fail(error: unknown): void {
    report(this.#job);
    this.reject(error);
  }

  failed(error: unknown): void {
    this.#follow(error).then(
      (result) => {
        if (result !== WAITING) this.succeeded(result);
      },
      (failure) => this.#fail(failure),
    );
  }

  /** Handles a failure: another attempt after its wait, or the result of the fallback. */
  async #follow(error: unknown): Promise<unknown> {
    const job = this.#job;
    const number = this.#number;
    const { node, scope, index, worker, walk } = job;
    const { run, cancellation } = scope;
    const { journal } = run;
    cancellation?.throwIfDraining(); // a run that is ending neither retries nor decides a failure
    if (journal?.isSetAside(error)) throw error;
    // The failure of a walk is already located, unless it is the walk's own timeout.
    if (walk === undefined || locate(error) === undefined) scope.locate(error, node, index, number);
    worker?.releaseSlots(run.held); // only `exec` itself holds a slot
    const wait = await waitBefore(job, error, number, this.#first);
    report(job, wait);
    cancellation?.throwIfDraining();
    if (wait === undefined) {
      const result = await recover(job, error, number);
      journal?.overcome(job, { result });
      return result;
    }
    if (wait > 0) await sleep(wait, cancellation, isRaced(job) ? () => {} : undefined);
    else await yieldTo(job);
    journal?.overcome(job, { attempt: number + 1 });
    this.#number++;
    this.#lastError = error;
    return this.#try();
  }
}

/** Yields to the event loop, and waits for a slow reader, before an attempt without a wait. */
async function yieldTo({ scope: { run, cancellation } }: Job): Promise<void> {
  const { yields, watch, events } = run;
  if (--yields.budget <= 0) {
    for (let turn = yields.checkClock(); turn !== undefined; turn = yields.yieldAgain()) await turn;
  }
  const reader = watch && events && backpressure(events, cancellation);
  if (reader !== undefined) await reader;
}

/** The longest wait that an error can request, in ms. */
const LONGEST_NAMED_WAIT = 300_000;

/** The wait before another attempt, in ms; `undefined` if there is no other attempt. */
async function waitBefore(job: Job, error: unknown, number: number, first: number) {
  const { node, settings, scope, index } = job;
  if (number - first + 1 >= settings.attempts) return undefined;
  try {
    if (!(await raced(settings.retryIf(error), scope.cancellation))) return undefined;
    scope.cancellation?.throwIfDraining();
    const wait = await raced(waitAfter(settings.backoff, number, error, nameOf(node)), scope.cancellation);
    // A gate has already waited as long as the error requests.
    const named = settings.isGated ? 0 : (readRefusal(error)?.wait ?? 0);
    return Math.max(wait, Math.min(named, LONGEST_NAMED_WAIT));
  } catch (failure) {
    scope.locate(failure, node, index, number);
    throw failure;
  }
}

/** Calls the fallback after the last attempt has thrown this error. */
export async function recover(job: Job, error: unknown, number: number): Promise<unknown> {
  const { node, scope, input, index, worker } = job;
  const ctx = contextOf(job, number);
  if (worker !== undefined) worker.recovered = true;
  try {
    return await raced(node.execFallback(input, error, ctx), scope.cancellation);
  } catch (failure) {
    if (failure !== error) scope.locate(failure, node, index, number);
    throw failure;
  } finally {
    ctx.close();
  }
}
