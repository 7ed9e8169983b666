// One batch: its callers, its state, and its results.
import type { Held } from "sluice/internal";

/** One caller in a batch. */
export interface Entry {
  readonly item: unknown;
  readonly cost: number;
  /** The slots of the caller, if one belongs to the batch's gate, so that the batch may borrow it. */
  readonly held: Held | undefined;
  batch: Batch | undefined;
}

/** Callers that will share one call. */
export class Batch {
  /** Waiting callers, in order of arrival. */
  readonly waiting = new Set<Entry>();
  /** Fires when no caller waits. */
  readonly controller = new AbortController();
  /** The results by entry; written by {@link settle}. */
  readonly results: Promise<ReadonlyMap<Entry, unknown>>;
  readonly since = performance.now();
  /** The total cost of the waiting callers. */
  cost = 0;
  /** Whether it is closed for further callers. */
  closed = false;
  /** Whether its call has started. */
  sent = false;
  /** Whether it uses a slot of one of its callers; written when it is sent. */
  borrows = false;
  settle!: (results: ReadonlyMap<Entry, unknown>) => void;
  fail!: (error: unknown) => void;
  readonly #dispatch: () => void;
  #cancelPlan: (() => void) | undefined;
  /** Whether it will be sent at the end of this turn. */
  #isLeaving = false;

  constructor(dispatch: () => void) {
    this.#dispatch = dispatch;
    this.results = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
    });
    this.results.catch(() => {}); // callers get the error from DataLoader
  }

  join(entry: Entry): void {
    entry.batch = this;
    this.waiting.add(entry);
    this.cost += entry.cost;
  }

  /** Removes a caller. The last one closes the batch before the abort, so that no later caller joins it. */
  leave(entry: Entry, reason: unknown): void {
    if (!this.waiting.delete(entry)) return;
    this.cost -= entry.cost;
    if (this.waiting.size > 0) return;
    this.close();
    this.controller.abort(reason);
  }

  /** Makes DataLoader dispatch its keys, so that the next call starts a new batch. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#cancelPlan?.();
    this.#dispatch();
  }

  /**
   * Schedules the call for when no caller has joined for two event-loop turns, because callers that are answered in one
   * turn do not all call again in that turn.
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

  /** Schedules the call for this many ms after the first caller. */
  goAfter(maxWait: number, go: () => void): void {
    if (this.#cancelPlan !== undefined) return;
    const timer = setTimeout(go, Math.max(0, this.since + maxWait - performance.now()));
    this.#cancelPlan = () => clearTimeout(timer);
  }
}
