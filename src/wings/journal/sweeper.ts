// Deletes obsolete rows after a cut in slices, outside of its transaction.
import type { JournalDriver } from "./driver.js";
import type { WriteQueue } from "./write-queue.js";

/** The target milliseconds of a slice, and the rows of the first slice. */
const SLICE = 5;
const FIRST = 100;

/** The obsolete rows of one run. */
export class Sweeper {
  readonly #driver: JournalDriver;
  readonly #run: string;
  readonly #queue: WriteQueue;
  #keys: string[] = [];
  #sweeping: Promise<void> | undefined;
  #rows = FIRST;
  #isOver = false;

  constructor(driver: JournalDriver, run: string, queue: WriteQueue) {
    this.#driver = driver;
    this.#run = run;
    this.#queue = queue;
  }

  /** Adds steps and items that a cut has made obsolete. The cut is in the queue already. */
  add(keys: readonly string[]): void {
    if (keys.length === 0) return;
    for (const key of keys) this.#keys.push(key);
    this.#sweeping ??= this.#sweep();
  }

  async #sweep(): Promise<void> {
    try {
      while (this.#keys.length > 0 && !this.#isOver) {
        const keys = this.#keys;
        this.#keys = [];
        await new Promise((resolve) => setImmediate(resolve)); // in one commit with the changes of this turn
        await this.#queue.flush(); // after the cuts that made them obsolete
        for (const key of keys) {
          while (!this.#isOver && (await this.#slice(key)))
            await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } catch {
      // Remaining rows do no harm; the next commit reports the failure too.
    } finally {
      this.#sweeping = undefined;
    }
  }

  async #slice(key: string): Promise<boolean> {
    const began = performance.now();
    const more = await this.#driver.sweep(this.#run, key, this.#rows);
    const took = performance.now() - began;
    if (took > SLICE) this.#rows = Math.max(10, Math.floor(this.#rows / 2));
    else if (more && took < SLICE / 2) this.#rows *= 2;
    return more;
  }

  /** Stops sweeping: the end of the run deletes the rest. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#sweeping;
  }
}
