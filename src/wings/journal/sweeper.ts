// Deletes rows that a cut has passed, a few at a time, outside its transaction.
import type { Change, EntryKind, JournalDriver } from "./driver.js";
import type { StoreCut } from "./store-cut.js";
import type { WriteQueue } from "./write-queue.js";

/** Ms that a slice may take, and rows to begin with. */
const SLICE = 5;
const FIRST = 100;
const ITEM_KINDS: readonly EntryKind[] = ["result", "start", "once"];

/** The rows of one run that are of no use any more. */
export class Sweeper {
  readonly #driver: JournalDriver;
  readonly #run: string;
  readonly #queue: WriteQueue;
  /** Items that are done, until the cut is taken that says so. */
  readonly #items = new Map<StoreCut, Change[]>();
  #keys: string[] = [];
  #sweeping: Promise<void> | undefined;
  #rows = FIRST;
  #isOver = false;

  constructor(driver: JournalDriver, run: string, queue: WriteQueue) {
    this.#driver = driver;
    this.#run = run;
    this.#queue = queue;
  }

  /** An item is done, and nothing but its index names it. */
  item(key: string, item: string, cut: StoreCut): void {
    let items = this.#items.get(cut);
    if (items === undefined) this.#items.set(cut, (items = []));
    items.push(...ITEM_KINDS.map((kind) => ({ delete: { kind, key, item } })));
  }

  /** A cut has passed these steps and items. It is in the queue already. */
  add(keys: readonly string[], cut: StoreCut): void {
    this.#queue.add(...(this.#items.get(cut) ?? []));
    this.#items.delete(cut);
    if (keys.length === 0) return;
    this.#keys.push(...keys);
    this.#sweeping ??= this.#sweep();
  }

  async #sweep(): Promise<void> {
    try {
      await this.#queue.flush();
      while (this.#keys.length > 0 && !this.#isOver) {
        const key = this.#keys.shift() as string;
        while (!this.#isOver && (await this.#slice(key)))
          await new Promise((resolve) => setImmediate(resolve));
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
