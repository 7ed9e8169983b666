// The writes of one run, in order. Changes that gather during a commit, or in one turn of the event loop, are one
// transaction.
import { isThenable } from "sluice/internal";
import type { Change, JournalDriver } from "./driver.js";

/** The maximum of queued changes, after which hooks have to wait. */
const MOST_WAITING = 5_000;

/** The queue of one claim. */
export class WriteQueue {
  readonly #driver: JournalDriver;
  readonly #run: string;
  readonly #epoch: number;
  readonly #onFailure: (error: unknown) => void;
  #waiting: Change[] = [];
  /** Whether a queued change needs a disk sync; written by `flush`. */
  #durable = false;
  /** The pending commit and all before it; written by #commit. */
  #committing: Promise<void> | undefined;
  #isScheduled = false;
  #failure: { readonly error: unknown } | undefined;
  /** Milliseconds of the last commit of a synchronous driver; written by #commit. */
  lastCost = 0;

  constructor(driver: JournalDriver, run: string, epoch: number, onFailure: (error: unknown) => void) {
    this.#driver = driver;
    this.#run = run;
    this.#epoch = epoch;
    this.#onFailure = onFailure;
  }

  /** Adds changes that are committed together, in the next turn of the event loop. */
  add(...changes: Change[]): void {
    if (this.#failure !== undefined) return;
    for (const change of changes) this.#waiting.push(change);
    if (this.#isScheduled || this.#committing !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#commit();
    });
  }

  /** A promise of room in the queue; `undefined` while there is room. */
  room(): Promise<void> | undefined {
    return this.#waiting.length < MOST_WAITING ? undefined : this.flush();
  }

  /**
   * Resolves when all added changes are committed.
   *
   * @param durable - Survives a power loss.
   * @throws The driver's error, from then on.
   */
  async flush(durable = false): Promise<void> {
    if (durable && this.#waiting.length > 0) this.#durable = true;
    while (this.#failure === undefined && (this.#waiting.length > 0 || this.#committing !== undefined)) {
      this.#commit();
      await this.#committing;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #commit(): void {
    if (this.#committing !== undefined || this.#waiting.length === 0 || this.#failure !== undefined) return;
    const changes = this.#waiting;
    const durable = this.#durable;
    this.#waiting = [];
    this.#durable = false;
    const began = performance.now();
    let work: unknown;
    try {
      work = this.#driver.commit(this.#run, this.#epoch, changes, durable);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.lastCost = performance.now() - began;
    if (!isThenable(work)) return;
    this.#committing = Promise.resolve(work as PromiseLike<void>).then(
      () => {
        this.#committing = undefined;
        this.#commit();
      },
      (error) => {
        this.#committing = undefined;
        this.fail(error);
      },
    );
  }

  /** Stops writing: the database has failed, in a commit or elsewhere. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#waiting = [];
    this.#onFailure(error);
  }
}
