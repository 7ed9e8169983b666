// How much a handler takes on, and the door that holds callers to it.
import {
  aCount,
  aCountOrInfinity,
  aTimeout,
  aWholeNumber,
  Cancellation,
  GateClock,
  holdSlot,
  type Rule,
  Semaphore,
  scopesOn,
} from "sluice/internal";
import { Refusal } from "./refusal.js";

/** What a handler takes on before it refuses. */
export interface HandlerLimits {
  /** The most runs at once. @default 100 */
  readonly running?: number | undefined;
  /** The most callers who wait for a run to end; one more gets 503 with `Retry-After`. @default 1_000 */
  readonly waiting?: number | undefined;
  /** The most bytes of a body; a larger one gets 413. @default 1_048_576 */
  readonly body?: number | undefined;
  /** Milliseconds in which a body must have come in whole; a slower one gets 408. @default 30_000 */
  readonly arrival?: number | undefined;
  /**
   * The most characters of events that a stream keeps for a reader who is behind, beside the newest one. Over
   * it the run is aborted; a sender that awaits `ctx.emit` never gets there. @default 1_048_576
   */
  readonly unread?: number | undefined;
  /** Milliseconds for which a reader may take nothing of what waits for it, before it is given up. @default 30_000 */
  readonly stalled?: number | undefined;
}

const aCountFrom0: Rule = {
  expected: "an integer from 0 up or Infinity",
  accepts: (value) => value === Number.POSITIVE_INFINITY || aWholeNumber.accepts(value),
};

export const limitRules: Record<keyof HandlerLimits, Rule> = {
  running: aCountOrInfinity,
  waiting: aCountFrom0,
  body: aCount,
  arrival: aTimeout,
  unread: aCount,
  stalled: aTimeout,
};

export const defaultLimits = {
  running: 100,
  waiting: 1_000,
  body: 1_048_576,
  arrival: 30_000,
  unread: 1_048_576,
  stalled: 30_000,
};

export type Limits = { readonly [Name in keyof HandlerLimits]-?: number };

/** Lets callers in, first come, first served. */
export class Door {
  readonly #limits: Limits;
  readonly #slots: Semaphore;
  readonly #scopes = scopesOn(new GateClock());
  #arrivals = 0;
  /** How long runs take, in ms: an average in which each new one counts a tenth. */
  #usual = 1_000;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#slots = new Semaphore(limits.running);
  }

  get running(): number {
    return this.#slots.running;
  }

  get waiting(): number {
    return this.#slots.waiting;
  }

  /**
   * Takes a slot, or waits for one until the signal fires.
   *
   * @returns What gives the slot back.
   * @throws Refusal 503 when too many wait already; the signal's reason.
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    const { waiting, running } = this.#limits;
    if (this.running >= running && this.waiting >= waiting) {
      throw busy(`All ${running} places are taken, and ${waiting} callers wait already`, this.retryAfter);
    }
    const cancellation = new Cancellation().followSignal(signal);
    let release: () => void;
    try {
      release = await holdSlot(this.#slots, this.#arrivals++, cancellation, this.#scopes);
    } finally {
      cancellation.release();
    }
    const began = performance.now();
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      release();
      this.#usual += (performance.now() - began - this.#usual) / 10;
    };
  }

  /** Whole seconds until those who wait now will have had their turn, from 1 to 60. */
  get retryAfter(): number {
    const ms = (this.#usual * (this.waiting + 1)) / this.#limits.running;
    return Math.min(60, Math.max(1, Math.ceil(ms / 1_000)));
  }
}

/** @param retryAfter - Seconds. */
export const busy = (message: string, retryAfter: number): Refusal =>
  new Refusal(503, message, { headers: { "retry-after": String(retryAfter) } });
