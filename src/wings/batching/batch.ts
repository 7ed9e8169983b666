// One batch: who is in it, whether it still gathers, and what will come of it.
import type { Held } from "sluice/internal";

/** One caller in a batch. */
export interface Entry {
  readonly item: unknown;
  readonly cost: number;
  /** The slots that the caller holds, where one is of the batch's gate; the batch may borrow it. */
  readonly held: Held | undefined;
  batch: Batch | undefined;
}

/** Callers that will share one call. */
export class Batch {
  /** Those that still wait, in the order in which they came. */
  readonly waiting = new Set<Entry>();
  /** Fires when no caller waits any more. */
  readonly controller = new AbortController();
  /** What {@link settle} was given, by entry. */
  readonly results: Promise<ReadonlyMap<Entry, unknown>>;
  readonly since = performance.now();
  /** What the waiting ones cost together. */
  cost = 0;
  /** Whether it takes no more callers. */
  closed = false;
  /** Whether its call is on its way. */
  sent = false;
  /** Whether it uses a slot that one of its callers holds. Written when it is sent. */
  borrows = false;
  settle!: (results: ReadonlyMap<Entry, unknown>) => void;
  fail!: (error: unknown) => void;
  readonly #dispatch: () => void;
  #cancelPlan: (() => void) | undefined;
  /** Whether it goes at the end of this turn. */
  #isLeaving = false;

  constructor(dispatch: () => void) {
    this.#dispatch = dispatch;
    this.results = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
    });
    this.results.catch(() => {}); // callers get it from DataLoader
  }

  join(entry: Entry): void {
    entry.batch = this;
    this.waiting.add(entry);
    this.cost += entry.cost;
  }

  /** Takes a caller out. The last one closes the batch before it aborts it: a later caller must not share its end. */
  leave(entry: Entry, reason: unknown): void {
    if (!this.waiting.delete(entry)) return;
    this.cost -= entry.cost;
    if (this.waiting.size > 0) return;
    this.close();
    this.controller.abort(reason);
  }

  /** Makes DataLoader hand over its keys, and start the next batch with the next call. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#cancelPlan?.();
    this.#dispatch();
  }

  /**
   * Plans to go when no call has joined for two turns of the event loop, for callers that were answered in one turn
   * do not all call again in that turn.
   */
  goSoon(maxWait: number, go: () => void): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#cancelPlan?.();
    let size = this.waiting.size;
    let [turns, quiet] = [0, 0];
    const look = () => {
      turns++;
      quiet = this.waiting.size === size ? quiet + 1 : 0;
      size = this.waiting.size;
      const isLate = performance.now() - this.since >= maxWait;
      if (quiet >= 2 || (isLate && turns >= 2)) return go();
      turn = setImmediate(look);
    };
    let turn = setImmediate(look);
    this.#cancelPlan = () => clearImmediate(turn);
  }

  /** Plans to go some ms after its first caller came. */
  goAfter(maxWait: number, go: () => void): void {
    if (this.#cancelPlan !== undefined) return;
    const timer = setTimeout(go, Math.max(0, this.since + maxWait - performance.now()));
    this.#cancelPlan = () => clearTimeout(timer);
  }
}
