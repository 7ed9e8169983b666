// Fan-out: N workers pull items from one iterator, so that a million items take the memory of N. Lazy, bounded,
// results in input order.
import { isThenable } from "../base/awaitable.js";
import { Cancellation, waitFor } from "../base/cancellation.js";
import type { Named } from "../base/name.js";
import { BatchOutcome } from "./batch-outcome.js";
import { Deliveries } from "./deliveries.js";
import { isFailure } from "./failure.js";
import type { FanOutKind } from "./fan-out-settings.js";
import { progressOf } from "./items.js";
import type { BatchRecord } from "./journal.js";
import type { Scope } from "./scope.js";
import { checkItems, Source } from "./source.js";
import type { Step } from "./step.js";
import { type Employer, NO_RESULT, OVER, Worker } from "./worker.js";
import { pauseIfDue } from "./yield-point.js";

const ignore = () => {};

/**
 * Runs all items of one batch. Each kind of batch implements the work on an item as methods, because V8 would compile
 * closures anew for each run.
 */
export abstract class FanOut implements Employer {
  protected readonly scope: Scope;
  readonly #cancellation = new Cancellation();
  readonly #settings: FanOutKind;
  readonly #source: Source;
  readonly #report: ((failed: boolean) => void) | undefined;
  readonly #results: unknown[] = [];
  readonly #outcome: BatchOutcome;
  #workers = 0;
  #spawning = true;
  #finish: () => void = ignore;
  readonly #deliveries = new Deliveries(() => this.#cancellation.aborted);
  /** The identities and states of items in a run with a journal. */
  protected readonly record: BatchRecord | undefined;

  /** @throws SluiceError `NOT_ITERABLE`, `INVALID_ITEM`. */
  constructor(node: Named, items: unknown, outer: Scope, settings: FanOutKind, step: number) {
    this.record = outer.run.journal?.batch(node as Step, items, outer, step);
    this.scope = outer.items(this.#cancellation, step, this.record);
    this.#settings = settings;
    this.#outcome = new BatchOutcome(node, this.scope, this.#cancellation, settings);
    try {
      const checked = checkItems(node, items);
      this.#source = new Source(node, checked, (error) => this.#outcome.failOutside(error));
      this.#report = progressOf(checked, outer, node);
    } catch (error) {
      this.#outcome.blame(error);
      throw error;
    }
    if (outer.cancellation !== undefined) this.#cancellation.follow(outer.cancellation);
  }

  /** Processes an item. @returns Its result, or a promise of it. */
  protected abstract executeItem(item: unknown, index: number, worker: Worker): unknown;

  /** Decides on a failed item: returns a result or throws. */
  protected abstract recover(error: unknown, item: unknown, index: number, worker: Worker): unknown;

  /** Delivers a finished item to the store; called one at a time. */
  protected abstract deliver(result: unknown, item: unknown, index: number, worker: Worker): unknown;

  /** @throws The first failure, after siblings in flight have ended; or the reason of an abort. */
  async run(): Promise<unknown[]> {
    const cancellation = this.#cancellation;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    const stop = () => this.#source.stop();
    cancellation.listen(stop);
    try {
      cancellation.throwIfDraining();
      if (this.record?.ready !== undefined) {
        await this.record.ready;
        this.#outcome.resume(this.record.failures);
      }
      // Before the workers, so that it is the first listener of an abort.
      const raced = this.#settings.leaf && this.scope.run.watch === undefined;
      const ended = raced ? cancellation.race(finished) : finished;
      void this.#spawn();
      await ended;
      if (!this.#settings.leaf) await this.scope.run.yields.yieldIfDue(); // a loop of empty batches has no other yield
      this.#outcome.check(this.#source.isDone);
      return this.#results;
    } finally {
      // Work with access to the store is awaited, even after an abort.
      if (this.#deliveries.ended !== undefined) await this.#deliveries.ended;
      cancellation.unlisten(stop);
      cancellation.release();
    }
  }

  /** Starts workers while there are items; for an async iterator only the first. */
  async #spawn(): Promise<void> {
    try {
      const { yields } = this.scope.run;
      if (!this.#cancellation.draining) this.#source.open(); // an earlier abort could not stop it
      const most = this.#source.isAsync ? 1 : this.#settings.concurrency;
      for (let started = 0; started < most && !this.#source.exhausted; started++) {
        this.#startWorker();
        if (!this.#settings.leaf) continue;
        for (let turn = yields.pending; turn !== undefined; turn = yields.yieldAgain()) await turn;
      }
    } catch (error) {
      this.#outcome.failOutside(error);
    } finally {
      this.#spawning = false;
      // One without an item, for the batch ends with its last worker. V8 would compile a loop without an end twice.
      this.#startWorker(OVER);
    }
  }

  #startWorker(first: typeof NO_RESULT | typeof OVER = NO_RESULT): void {
    this.#workers++;
    this.goOn(new Worker(this), first);
  }

  /**
   * Stores a worker's result and begins items until one must be awaited; in an iteration the inner nodes yield.
   * Callbacks in place of an async function save a fifth of a small item, and half of what V8 has to compile.
   */
  goOn(worker: Worker, given: unknown): void {
    const source = this.#source;
    const { leaf } = this.#settings;
    const { yields, watch } = this.scope.run;
    for (let value = given; value !== OVER; ) {
      let wait: unknown = value === NO_RESULT ? undefined : this.#store(value, worker);
      // After a pause the clock is checked again, because other workers may have taken another 40 ms.
      const isDue = wait === undefined && leaf && (--yields.budget <= 0 || watch !== undefined);
      if (isDue) wait = pauseIfDue(this.scope, worker);
      try {
        if (wait !== undefined) value = wait;
        else if (source.isAsync) value = this.#pullAndExecute(worker);
        else value = source.next(worker) ? this.#execute(worker) : OVER;
        if (!isThenable(value)) continue;
        worker.wait(value);
      } catch (error) {
        worker.failed(error);
      }
      return;
    }
    this.#endWorker(worker);
  }

  fail(worker: Worker, error: unknown): void {
    worker.wait(this.#settle(error, worker));
  }

  #endWorker(worker: Worker): void {
    worker.releaseSlots(this.scope.run.held);
    if (--this.#workers === 0 && !this.#spawning) this.#finish();
  }

  #execute(worker: Worker): unknown {
    const passed = this.record && this.#passOver(worker);
    return passed ?? this.executeItem(worker.item, worker.index, worker);
  }

  /** Takes the next item from an async iterable and executes it. */
  async #pullAndExecute(worker: Worker): Promise<unknown> {
    worker.releaseSlots(this.scope.run.held); // the source may need the slot to produce the next item
    try {
      const more = await waitFor<boolean>(this.#cancellation, (resolve, reject) => {
        this.#source.nextLater(worker).then(resolve, reject);
        return ignore;
      });
      if (!more) return OVER;
      if (this.#workers < this.#settings.concurrency) this.#startWorker();
    } catch (error) {
      const isDrain = this.#cancellation.draining && error === this.#cancellation.reason;
      if (!isDrain) this.#outcome.failOutside(error);
      return OVER;
    }
    // The abort may have come since the pull; otherwise it has stopped the source.
    return this.#cancellation.draining ? this.#outcome.leaveUndone(worker) : this.#execute(worker);
  }

  /** Passes over an item that an earlier process has finished; `undefined` for others. */
  #passOver({ item, index }: Worker): typeof NO_RESULT | Promise<typeof NO_RESULT> | undefined {
    try {
      const delivered = this.record?.take(item, index);
      if (delivered === undefined) return undefined;
      this.#report?.(false);
      if (this.#settings.keepResults) this.#results[index] = delivered.result;
    } catch (error) {
      this.#outcome.failOutside(error); // the worker ends at its next check of the level
    }
    const due = this.scope.run.yields.yieldIfDue(); // also in a long row of iterations that were done before
    return due?.then(() => NO_RESULT) ?? NO_RESULT;
  }

  /** Ends an item that has a result; a returned promise must be awaited before the next item. */
  #store(result: unknown, worker: Worker): Promise<typeof NO_RESULT> | undefined {
    const { keepResults, delivers } = this.#settings;
    worker.end();
    if (this.#cancellation.aborted) return undefined; // perhaps a partial result; the source is stopped
    if (this.#report !== undefined) this.#report(isFailure(result));
    if (keepResults) this.#results[worker.index] = result;
    return delivers ? this.#deliver(result, worker) : undefined;
  }

  /** Decides on an item whose `exec` failed: returns a result, records the failure, or ends the batch. Never rejects. */
  async #settle(error: unknown, worker: Worker): Promise<unknown> {
    if (this.#cancellation.draining) return this.#outcome.leaveUndone(worker);
    let last = error;
    worker.failPermit(error);
    try {
      return await this.recover(error, worker.item, worker.index, worker);
    } catch (failed) {
      last = failed;
    }
    if (this.#cancellation.draining) return this.#outcome.leaveUndone(worker);
    if (this.scope.run.journal?.isSetAside(last)) {
      if (this.#settings.concurrency === 1) this.#source.stop(); // later deliveries wait too
      return this.#outcome.leaveUndone(worker, last);
    }
    return this.#outcome.failItem(last, worker);
  }

  async #deliver(result: unknown, worker: Worker): Promise<typeof NO_RESULT> {
    const { run } = this.scope;
    const { item, index } = worker;
    worker.releaseSlots(run.held);
    try {
      const deliver = () => this.deliver(result, item, index, worker);
      const { record } = this;
      const take = record === undefined ? deliver : () => record.deliver(index, result, deliver);
      await this.#deliveries.add(take, run.yields);
    } catch (error) {
      this.#outcome.failOutside(error, index);
    }
    return NO_RESULT;
  }
}
