// Writes of one run, in order. What gathers while a commit is under way, or in one turn of the event loop, is one
// transaction.
import { isThenable } from "sluice/internal";
import type { Change, JournalDriver } from "./driver.js";

/** With so many changes waiting, further ones have to wait. */
const MOST_WAITING = 5_000;

/** The queue of one claim. */
export class WriteQueue {
  readonly #driver: JournalDriver;
  readonly #run: string;
  readonly #epoch: number;
  readonly #onFailure: (error: unknown) => void;
  #waiting: Change[] = [];
  /** Whether one of the waiting changes asks for a sync to disk; written by `flush`. */
  #durable = false;
  /** The commit under way and all before it; written by #commit. */
  #committing: Promise<void> | undefined;
  #isScheduled = false;
  #failure: { readonly error: unknown } | undefined;
  /** Ms that the last commit of a sync driver took; written by #commit. */
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

  /** A promise for room in the queue; `undefined` while there is. */
  room(): Promise<void> | undefined {
    return this.#waiting.length < MOST_WAITING ? undefined : this.flush();
  }

  /**
   * Resolves when everything that was added is committed.
   *
   * @param durable - Survives a power loss.
   * @throws What the driver threw, from then on.
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

  /** Writes nothing more: the database has failed, in a commit or elsewhere. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#waiting = [];
    this.#onFailure(error);
  }
}
