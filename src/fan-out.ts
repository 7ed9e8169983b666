// Fan-out: N workers pull items from one iterator, so that a million items cost the memory of N. Lazy,
// bounded, results in input order. Knows nothing of nodes: it is told what to do with an item.
import { type Cancellation, waitFor } from "./abort.js";
import { SluiceError } from "./errors.js";
import { ItemFailure } from "./failure.js";
import { letGo } from "./held.js";
import { endsTheRun, type Worker } from "./retry.js";
import type { Run } from "./run.js";
import { isThenable } from "./thenable.js";

/** What a fan-out does with its items. */
export interface Task {
  readonly run: Run;
  /** The fan-out's own level; it is released at the end. */
  readonly cancellation: Cancellation;
  readonly concurrency: number;
  readonly collect: boolean;
  /** Whether work that ignores an abort may be abandoned: true when none of it touches the store. */
  readonly leaf: boolean;
  /** Whether results are gathered in a list. */
  readonly keepResults: boolean;
  perform(item: unknown, index: number, worker: Worker): unknown;
  /** Has the last word on a failed item, where `perform` has not: gives a result or throws. */
  readonly recover?: ((error: unknown, item: unknown, index: number, worker: Worker) => unknown) | undefined;
  /** Takes a finished item to the store; called one at a time. */
  readonly deliver?: ((result: unknown, item: unknown, index: number, worker: Worker) => unknown) | undefined;
  /** Writes down where an error of the iterable or of `deliver` happened. */
  blame(error: unknown, index?: number): void;
}

const ignore = () => {};

/**
 * Runs all items and gives the results in input order.
 *
 * @throws The first failure, after siblings in flight have ended; or the reason of an abort.
 */
export const fanOut = (items: Iterable<unknown> | AsyncIterable<unknown>, task: Task): Promise<unknown[]> =>
  new FanOut(items, task).run();

class FanOut {
  readonly #task: Task;
  readonly #items: Partial<Iterable<unknown> & AsyncIterable<unknown>>;
  readonly #results: unknown[] = [];
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  #isAsync = false;
  #exhausted = false;
  #pulled = 0;
  #workers = 0;
  #spawning = true;
  #failure: { readonly error: unknown } | undefined;
  #finish: () => void = ignore;
  #pulling: Promise<unknown> = Promise.resolve();
  #delivering: Promise<unknown> = Promise.resolve();

  constructor(items: Iterable<unknown> | AsyncIterable<unknown>, task: Task) {
    this.#items = items;
    this.#task = task;
  }

  async run(): Promise<unknown[]> {
    const { cancellation, leaf } = this.#task;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    const stop = () => this.#stopPulling();
    cancellation.listen(stop);
    try {
      cancellation.throwIfAborted();
      void this.#spawn();
      await (leaf ? cancellation.race(finished) : finished);
      if (this.#failure !== undefined && !cancellation.abandoning) throw this.#failure.error;
      cancellation.throwIfAborted();
      return this.#results;
    } finally {
      await this.#delivering; // whatever touches the store is waited for, also by an abort
      cancellation.unlisten(stop);
      cancellation.release();
    }
  }

  /** Starts workers while there are items: all of them here, or, for an async iterator, the first. */
  async #spawn(): Promise<void> {
    const { run, concurrency, blame } = this.#task;
    try {
      const asyncIterator = this.#items[Symbol.asyncIterator]?.();
      this.#isAsync = asyncIterator !== undefined;
      this.#iterator = asyncIterator ?? (this.#items as Iterable<unknown>)[Symbol.iterator]();
      const most = this.#isAsync ? 1 : concurrency;
      for (let started = 0; started < most && !this.#exhausted; started++) {
        void this.#work();
        const turn = --run.stepsToClock <= 0 ? run.breathe() : undefined;
        if (turn !== undefined) await turn;
      }
    } catch (error) {
      blame(error);
      this.#fail(error);
    } finally {
      this.#spawning = false;
      if (this.#workers === 0) this.#finish();
    }
  }

  /** One worker: item after item until there are no more. */
  async #work(): Promise<void> {
    const { run, cancellation, deliver, keepResults, blame } = this.#task;
    const worker: Worker = { held: undefined, tries: 1, ctx: undefined, permit: undefined };
    this.#workers++;
    try {
      while (!this.#exhausted) {
        let item: unknown;
        try {
          let next: IteratorResult<unknown>;
          if (this.#isAsync) {
            letGo(worker, run.held); // the source may need the slot to bring the next item
            next = await this.#pull();
          } else next = (this.#iterator as Iterator<unknown>).next();
          if (next.done) {
            this.#exhausted = true;
            return;
          }
          item = next.value;
        } catch (error) {
          this.#exhausted = true;
          if (!cancellation.aborted) blame(error);
          return this.#fail(error);
        }
        if (cancellation.aborted) return;
        if (this.#isAsync && this.#workers < this.#task.concurrency) void this.#work();
        const index = this.#pulled++;
        let result: unknown;
        try {
          result = this.#task.perform(item, index, worker);
          if (isThenable(result)) result = await result;
        } catch (error) {
          if (cancellation.aborted) return;
          try {
            endPermit(worker);
            result = await this.#settle(error, item, index, worker);
          } catch (last) {
            return this.#fail(last);
          }
        } finally {
          worker.ctx?.close();
          worker.ctx = undefined;
          endPermit(worker);
        }
        if (cancellation.aborted) return;
        if (keepResults) this.#results[index] = result;
        if (deliver !== undefined) {
          letGo(worker, run.held);
          try {
            await this.#deliver(() => deliver(result, item, index, worker));
          } catch (error) {
            if (!cancellation.aborted) blame(error, index);
            return this.#fail(error);
          }
        }
        if (--run.stepsToClock <= 0) {
          const turn = run.breathe();
          if (turn !== undefined) await turn;
        }
      }
    } finally {
      letGo(worker, run.held);
      if (--this.#workers === 0 && !this.#spawning) this.#finish();
    }
  }

  /** Pulls from an async iterator, one call at a time: few of them allow more. */
  #pull(): Promise<IteratorResult<unknown>> {
    const mine = this.#pulling.then(async () => {
      if (this.#exhausted) return { done: true, value: undefined } as const;
      try {
        const { done = false, value } = await (this.#iterator as AsyncIterator<unknown>).next();
        if (done) this.#exhausted = true;
        return { done, value };
      } catch (error) {
        this.#exhausted = true;
        throw error;
      }
    });
    this.#pulling = mine.catch(ignore);
    return waitFor(this.#task.cancellation, (resolve, reject) => {
      mine.then(resolve, reject);
      return ignore;
    });
  }

  /** Decides on an item whose `exec` failed: its fallback, its failure in the list, or the end. */
  async #settle(error: unknown, item: unknown, index: number, worker: Worker): Promise<unknown> {
    const { recover, collect } = this.#task;
    let last = error;
    if (recover !== undefined) {
      try {
        return await recover(error, item, index, worker);
      } catch (failed) {
        last = failed;
      }
    }
    if (collect && !endsTheRun(last)) return new ItemFailure(index, item, last, worker.tries);
    throw last;
  }

  #deliver(take: () => unknown): Promise<unknown> {
    const mine = this.#delivering.then(() => (this.#task.cancellation.aborted ? undefined : take()));
    this.#delivering = mine.catch(ignore);
    return mine;
  }

  #fail(error: unknown): void {
    const { cancellation } = this.#task;
    if (cancellation.aborted) return;
    this.#failure = { error };
    const message = "Another item of the same batch failed (see `cause`)";
    cancellation.abort(new SluiceError("SIBLING_FAILED", message, { cause: error }), false);
  }

  #stopPulling(): void {
    if (this.#exhausted) return;
    this.#exhausted = true;
    try {
      const returned: unknown = this.#iterator?.return?.();
      if (isThenable(returned)) returned.then(ignore, ignore);
    } catch {
      // The iterable is not wanted any more; how it takes that changes nothing.
    }
  }
}

function endPermit(worker: Worker): void {
  worker.permit?.end();
  worker.permit = undefined;
}
