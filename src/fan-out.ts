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
export async function fanOut(
  items: Iterable<unknown> | AsyncIterable<unknown>,
  task: Task,
): Promise<unknown[]> {
  const { run, cancellation, concurrency } = task;
  const results: unknown[] = [];
  let failure: { readonly error: unknown } | undefined;
  let exhausted = false;
  let pulled = 0;
  let active = 1; // the spawner counts as one, so that nothing is finished before it has ended
  let finish: () => void = ignore;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  let delivering: Promise<unknown> = Promise.resolve();
  let pulling: Promise<unknown> = Promise.resolve();
  let iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;

  const fail = (error: unknown) => {
    if (cancellation.aborted) return;
    failure = { error };
    const reason = new SluiceError("SIBLING_FAILED", "Another item of the same batch failed (see `cause`)", {
      cause: error,
    });
    cancellation.abort(reason, false);
  };

  const stopPulling = () => {
    if (exhausted) return;
    exhausted = true;
    try {
      const returned: unknown = iterator?.return?.();
      if (isThenable(returned)) returned.then(ignore, ignore);
    } catch {
      // The iterable is not wanted any more; how it takes that changes nothing.
    }
  };

  const leave = () => {
    if (--active === 0) finish();
  };

  /** Pulls from an async iterator, one call at a time: few of them allow more. */
  const pull = (): Promise<IteratorResult<unknown>> => {
    const mine = pulling.then(async () => {
      if (exhausted) return { done: true, value: undefined } as const;
      try {
        const next = await (iterator as AsyncIterator<unknown>).next();
        if (next.done) exhausted = true;
        return next;
      } catch (error) {
        exhausted = true;
        throw error;
      }
    });
    pulling = mine.catch(ignore);
    return waitFor(cancellation, (resolve, reject) => {
      mine.then(resolve, reject);
      return ignore;
    });
  };

  const deliver = (result: unknown, item: unknown, index: number, worker: Worker): Promise<unknown> => {
    const mine = delivering.then(() =>
      cancellation.aborted ? undefined : task.deliver?.(result, item, index, worker),
    );
    delivering = mine.catch(ignore);
    return mine;
  };

  /** Decides on an item whose `exec` failed: its fallback, its failure in the list, or the end. */
  const settle = async (error: unknown, item: unknown, index: number, worker: Worker): Promise<unknown> => {
    let last = error;
    if (task.recover !== undefined) {
      try {
        return await task.recover(error, item, index, worker);
      } catch (failed) {
        last = failed;
      }
    }
    if (task.collect && !endsTheRun(last)) return new ItemFailure(index, item, last, worker.tries);
    throw last;
  };

  const work = async (isAsync: boolean): Promise<void> => {
    active++;
    const worker: Worker = { held: undefined, tries: 1, ctx: undefined, permit: undefined };
    try {
      while (!exhausted) {
        let next: IteratorResult<unknown>;
        try {
          if (isAsync) {
            letGo(worker, run.held);
            next = await pull();
          } else next = (iterator as Iterator<unknown>).next();
        } catch (error) {
          exhausted = true;
          if (!cancellation.aborted) task.blame(error);
          return fail(error);
        }
        if (next.done) {
          exhausted = true;
          return;
        }
        if (cancellation.aborted) return;
        if (isAsync && active < concurrency + 1) void work(true);
        const index = pulled++;
        const item: unknown = next.value;
        let result: unknown;
        try {
          result = task.perform(item, index, worker);
          if (isThenable(result)) result = await result;
        } catch (error) {
          if (cancellation.aborted) return;
          try {
            worker.permit?.end();
            worker.permit = undefined;
            result = await settle(error, item, index, worker);
          } catch (last) {
            return fail(last);
          }
        } finally {
          worker.ctx?.close();
          worker.permit?.end();
          worker.ctx = worker.permit = undefined;
        }
        if (cancellation.aborted) return;
        if (task.keepResults) results[index] = result;
        if (task.deliver !== undefined) {
          letGo(worker, run.held);
          try {
            await deliver(result, item, index, worker);
          } catch (error) {
            if (!cancellation.aborted) task.blame(error, index);
            return fail(error);
          }
        }
        if (--run.stepsToClock <= 0) {
          const turn = run.breathe();
          if (turn !== undefined) await turn;
        }
      }
    } finally {
      letGo(worker, run.held);
      leave();
    }
  };

  const spawn = async (): Promise<void> => {
    try {
      const source = items as Partial<Iterable<unknown> & AsyncIterable<unknown>>;
      const asyncIterator = source[Symbol.asyncIterator]?.();
      iterator = asyncIterator ?? (source as Iterable<unknown>)[Symbol.iterator]();
      if (asyncIterator !== undefined) void work(true);
      else {
        for (let workers = 0; workers < concurrency && !exhausted; workers++) {
          void work(false);
          const turn = --run.stepsToClock <= 0 ? run.breathe() : undefined;
          if (turn !== undefined) await turn;
        }
      }
    } catch (error) {
      task.blame(error);
      fail(error);
    } finally {
      leave();
    }
  };

  cancellation.listen(stopPulling);
  try {
    if (cancellation.aborted) throw cancellation.reason;
    void spawn();
    await (task.leaf ? cancellation.race(finished) : finished);
    if (failure !== undefined && !cancellation.abandoning) throw failure.error;
    cancellation.throwIfAborted();
    return results;
  } finally {
    await delivering; // whatever touches the store is waited for, also by an abort
    cancellation.unlisten(stopPulling);
    cancellation.release();
  }
}
