// Fan-out: N workers pull items from one iterator, so that a million items cost the memory of N. Lazy,
// bounded, results in input order. Knows nothing of nodes: it is told what to do with an item.
import { type Cancellation, waitFor } from "./abort.js";
import { SluiceError } from "./errors.js";
import { ItemFailure, isFailure } from "./failure.js";
import { letGo } from "./gate/held.js";
import type { Run } from "./run.js";
import { Source } from "./source.js";
import { isThenable } from "./thenable.js";
import { Worker } from "./worker.js";

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
  /** Is told of each item that has ended. */
  readonly report?: ((failed: boolean) => void) | undefined;
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
  readonly #source: Source;
  readonly #results: unknown[] = [];
  #workers = 0;
  #spawning = true;
  #failure: { readonly error: unknown } | undefined;
  #finish: () => void = ignore;
  /** The end of the queue at the store; `undefined` before anybody has queued. */
  #delivering: Promise<unknown> | undefined;

  constructor(items: Iterable<unknown> | AsyncIterable<unknown>, task: Task) {
    this.#source = new Source(items);
    this.#task = task;
  }

  async run(): Promise<unknown[]> {
    const { cancellation, leaf } = this.#task;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    const stop = () => this.#source.stop();
    cancellation.listen(stop);
    try {
      cancellation.throwIfAborted();
      // Before the workers, so that of all who listen for an abort it is told first.
      const ended = leaf ? cancellation.race(finished) : finished;
      void this.#spawn();
      await ended;
      if (this.#failure !== undefined && !cancellation.abandoning) throw this.#failure.error;
      cancellation.throwIfAborted();
      return this.#results;
    } finally {
      // Whatever touches the store is waited for, also by an abort.
      if (this.#delivering !== undefined) await this.#delivering;
      cancellation.unlisten(stop);
      cancellation.release();
    }
  }

  /** Starts workers while there are items: all of them here, or, for an async iterator, the first. */
  async #spawn(): Promise<void> {
    const { run, concurrency, blame } = this.#task;
    try {
      this.#source.open();
      const most = this.#source.isAsync ? 1 : concurrency;
      for (let started = 0; started < most && !this.#source.exhausted; started++) {
        void this.#work();
        if (--run.turns.stepsToClock > 0) continue;
        for (let turn = run.turns.breathe(); turn !== undefined; turn = run.turns.again()) await turn;
      }
    } catch (error) {
      blame(error);
      this.#fail(error);
    } finally {
      this.#spawning = false;
      if (this.#workers === 0) this.#finish();
    }
  }

  /**
   * One worker: item after item until there are no more. The loop keeps few variables and leaves the rest to
   * methods, for all of them are saved and restored at each await (a third of the cost of a small item).
   */
  async #work(): Promise<void> {
    const worker = new Worker();
    this.#workers++;
    try {
      while (this.#source.isAsync ? await this.#pullLater(worker) : this.#pull(worker)) {
        let result: unknown;
        if (this.#task.cancellation.aborted) return; // some microtasks have passed since the pull
        try {
          result = this.#task.perform(worker.item, worker.index, worker);
          if (isThenable(result)) result = await result;
        } catch (error) {
          const settled = await this.#settle(error, worker);
          if (settled === undefined) return;
          result = settled.result;
        }
        let wait = this.#store(result, worker);
        for (; wait !== undefined; wait = this.#task.run.turns.again()) await wait;
      }
    } finally {
      letGo(worker, this.#task.run.held);
      if (--this.#workers === 0 && !this.#spawning) this.#finish();
    }
  }

  /** Takes the next item; false when there is none for this worker. */
  #pull(worker: Worker): boolean {
    try {
      return this.#source.next(worker);
    } catch (error) {
      return this.#blameSource(error);
    }
  }

  /** The same from an async iterable. */
  async #pullLater(worker: Worker): Promise<boolean> {
    const { cancellation, concurrency, run } = this.#task;
    letGo(worker, run.held); // the source may need the slot to bring the next item
    try {
      const more = await waitFor<boolean>(cancellation, (resolve, reject) => {
        this.#source.nextLater(worker).then(resolve, reject);
        return ignore;
      });
      if (more && this.#workers < concurrency) void this.#work();
      return more;
    } catch (error) {
      return this.#blameSource(error);
    }
  }

  #blameSource(error: unknown): false {
    const { cancellation, blame } = this.#task;
    if (!cancellation.aborted) blame(error);
    this.#fail(error);
    return false;
  }

  /** Ends an item that succeeded; what it returns must be awaited before the next one. */
  #store(result: unknown, worker: Worker): Promise<unknown> | undefined {
    const { run, cancellation, deliver, keepResults, report } = this.#task;
    worker.end();
    if (cancellation.aborted) return undefined; // half an answer is no answer; the source is stopped, so the loop ends
    if (report !== undefined) report(isFailure(result));
    if (keepResults) this.#results[worker.index] = result;
    if (deliver !== undefined) return this.#deliver(result, worker, deliver);
    return --run.turns.stepsToClock <= 0 ? run.turns.breathe() : undefined;
  }

  /** Decides on an item whose `exec` failed: its fallback, its failure in the list, or the end. */
  async #settle(error: unknown, worker: Worker): Promise<{ readonly result: unknown } | undefined> {
    const { run, cancellation, recover, collect } = this.#task;
    if (cancellation.aborted) return worker.end();
    let last = error;
    worker.endPermit();
    try {
      if (recover !== undefined) return { result: await recover(error, worker.item, worker.index, worker) };
    } catch (failed) {
      last = failed;
    }
    if (collect && last !== run.exceeded && !cancellation.aborted) {
      return { result: new ItemFailure(worker.index, worker.item, last, worker.tries) };
    }
    worker.end();
    this.#fail(last);
    return undefined;
  }

  async #deliver(result: unknown, worker: Worker, deliver: NonNullable<Task["deliver"]>): Promise<void> {
    const { run, cancellation, blame } = this.#task;
    const { item, index } = worker;
    letGo(worker, run.held);
    const take = async () => {
      if (cancellation.aborted) return;
      await deliver(result, item, index, worker);
      if (--run.turns.stepsToClock > 0) return; // here, for the next in the queue does not wait for this worker
      for (let turn = run.turns.breathe(); turn !== undefined; turn = run.turns.again()) await turn;
    };
    const mine = (this.#delivering ?? Promise.resolve()).then(take);
    this.#delivering = mine.catch(ignore);
    try {
      await mine;
    } catch (error) {
      if (!cancellation.aborted) blame(error, index);
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const { cancellation } = this.#task;
    if (cancellation.aborted) return;
    this.#failure = { error };
    const message = "Another item of the same batch failed (see `cause`)";
    cancellation.abort(new SluiceError("SIBLING_FAILED", message, { cause: error }), false);
  }
}
