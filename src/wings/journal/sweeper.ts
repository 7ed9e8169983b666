// Deletes rows that a cut has passed, a few at a time, outside its transaction.
import type { JournalDriver } from "./driver.js";
import type { WriteQueue } from "./write-queue.js";

/** Ms that a slice may take, and rows to begin with. */
const SLICE = 5;
const FIRST = 100;

/** The rows of one run that are of no use any more. */
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

  /** A cut has passed these steps and items. It is in the queue already. */
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
        await new Promise((resolve) => setImmediate(resolve)); // in one commit with what this turn brings
        await this.#queue.flush(); // the cuts that have passed them come first
        for (const key of keys) {
          while (!this.#isOver && (await this.#slice(key)))
            await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } catch {
      // Rows that stay do no harm; what has failed here fails the next commit too.
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

  /** Sweeps no more: what is left goes with the run. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#sweeping;
  }
}
