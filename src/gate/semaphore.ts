// Slots: p-limit as a semaphore that can be held, kept, lent and waited for under an abort.
import pLimit, { type LimitFunction } from "p-limit";
import { type Cancellation, waitFor } from "../base/cancellation.js";

/** A bounded number of slots, given first come, first served. */
export class Semaphore {
  readonly #limit: LimitFunction;
  #running = 0;
  #waiting = 0;
  #draining = false;

  constructor(concurrency: number) {
    this.#limit = pLimit(concurrency);
  }

  get concurrency(): number {
    return this.#limit.concurrency;
  }

  /** Slots held. */
  get running(): number {
    return this.#running;
  }

  /** Callers in the queue; those that gave up are not counted. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Takes a slot at once, or gives `undefined` when it would have to wait. */
  take(): Slot | undefined {
    const { activeCount, concurrency } = this.#limit;
    // p-limit counts a job as active from this call on, so the slot is ours before the job's first line.
    return activeCount < concurrency ? this.#hold((job) => this.#limit(job)) : undefined;
  }

  /** Waits for a slot. An abort rejects with its reason and leaves a stub that p-limit skips. */
  wait(cancellation: Cancellation | undefined, onAbandon?: () => void): Promise<Slot> {
    const start = (resolve: (slot: Slot) => void) => {
      let gone = false;
      const release = () => {
        if (gone) return;
        gone = true;
        this.#waiting--;
      };
      this.#waiting++;
      void this.#limit(() => {
        if (gone) return undefined;
        release();
        return new Promise<void>((done) => {
          resolve(this.#hold((job) => void job().then(done)));
        });
      });
      return () => {
        release();
        if (this.#waiting === 0 && !this.#draining) this.#limit.clearQueue(); // nothing but stubs
      };
    };
    return waitFor(cancellation, start, onAbandon);
  }

  /** Resolves when every holder and waiter of now has gone. Only for a semaphore of one slot. */
  drained(): Promise<unknown> {
    this.#draining = true;
    return this.#limit(() => undefined);
  }

  #hold(start: (job: () => Promise<void>) => unknown): Slot {
    this.#running++;
    const slot = new Slot(() => this.#running--);
    start(() => slot.ended);
    return slot;
  }
}

/** A slot that is held until {@link Slot.release}: a p-limit job kept pending. */
export class Slot {
  readonly ended: Promise<void>;
  released = false;
  #end: () => void = () => {};
  #lent: Semaphore | undefined;

  constructor(onEnd: () => void) {
    this.ended = new Promise((resolve) => {
      this.#end = () => {
        onEnd();
        resolve();
      };
    });
  }

  /** Whether a nested call has ever borrowed it. */
  get lent(): boolean {
    return this.#lent !== undefined;
  }

  /** Lends the slot to one nested call at a time, so that the limit holds. */
  async borrow(cancellation: Cancellation | undefined, onAbandon?: () => void): Promise<Slot> {
    this.#lent ??= new Semaphore(1);
    return this.#lent.take() ?? (await this.#lent.wait(cancellation, onAbandon));
  }

  /** Gives the slot back, once nested calls that still use it have ended. */
  release(): void {
    if (this.released) return;
    this.released = true;
    if (this.#lent === undefined) this.#end();
    else void this.#lent.drained().then(this.#end);
  }
}
