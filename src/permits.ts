// Permits: who may start now, by requests, by tokens and by a vendor's pause. Two token buckets (Turner
// 1986) with one queue, refilled by leases of Bottleneck, the rate limiter.
import Bottleneck from "bottleneck/light.js";
import { type Cancellation, waitFor } from "./abort.js";
import { invalidOption } from "./errors.js";
import { aPositiveNumber, checkOptions, LONGEST_TIMER } from "./options.js";

/** What a vendor allows. */
export interface Rate {
  /** Requests in each `per`. @default no limit */
  readonly requests?: number | undefined;
  /** Tokens in each `per`, as `cost()` counts them. @default no limit */
  readonly tokens?: number | undefined;
  /** The period, in ms. */
  readonly per: number;
  /**
   * How much unused rate may be saved up, in ms of rate. A vendor that lets you spend the whole period at
   * once has `burst: per`. @default 1000
   */
  readonly burst?: number | undefined;
}

const rateRules = {
  requests: aPositiveNumber,
  tokens: aPositiveNumber,
  per: aPositiveNumber,
  burst: aPositiveNumber,
};

/** @throws SluiceError for a rate with a wrong, missing or unknown field. */
export function checkRate(where: string, rate: unknown): void {
  if (rate === undefined) return;
  checkOptions(`${where}, rate`, rate, rateRules);
  const { requests, tokens, per } = rate as Partial<Rate>;
  if (per === undefined)
    throw invalidOption(`${where}, rate`, "per", "given, the period in ms (60_000 for a minute)", per);
  if (requests === undefined && tokens === undefined) {
    throw invalidOption(`${where}, rate`, "requests", "given, or `tokens`, or both", requests);
  }
}

/** Stay this far under what is promised: clocks and networks are not exact. */
const MARGIN = 0.99;
/** The longest time between two leases, in ms. */
const SLICE = 50;

/** A level that rises with time up to its capacity, and falls by what is spent; below zero it is a debt. */
class Bucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #level: number;
  #accruedAt = performance.now();

  constructor(amount: number, per: number, burst: number, smallest: number) {
    this.#perMs = (MARGIN * amount) / per;
    this.#capacity = Math.max(this.#perMs * burst, smallest);
    this.#level = this.#capacity;
  }

  get level(): number {
    return Math.max(0, this.#level);
  }

  /** Adds what came in since the last time. A call dearer than the capacity saves up for itself alone. */
  accrue(now: number, wanted: number): boolean {
    this.#level = Math.min(
      Math.max(this.#capacity, wanted),
      this.#level + (now - this.#accruedAt) * this.#perMs,
    );
    this.#accruedAt = now;
    return this.#level >= wanted - 1e-9;
  }

  /** A negative amount gives back, up to the capacity or what somebody saves up for. */
  spend(amount: number, wanted: number): void {
    this.#level = Math.min(Math.max(this.#capacity, wanted), this.#level - amount);
  }

  /** Forgets what was saved up: the vendor has just said that there is nothing left. */
  empty(now: number): void {
    this.accrue(now, 0);
    this.#level = Math.min(this.#level, 0);
  }
}

interface Waiter {
  readonly tokens: number;
  grant(): void;
}

/** Lets calls start in the order they came, when requests, tokens and the pause allow. */
export class Permits {
  readonly #requests: Bucket | undefined;
  readonly #tokens: Bucket | undefined;
  readonly #slice: number;
  readonly #queue = new Set<Waiter>();
  #limiter: Bottleneck | undefined;
  #leased = false;
  #pausedUntil = 0;
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(rate: Rate | undefined) {
    const { requests, tokens, per = 1, burst = 1_000 } = rate ?? {};
    if (requests !== undefined) this.#requests = new Bucket(requests, per, burst, 1);
    if (tokens !== undefined) this.#tokens = new Bucket(tokens, per, burst, 0);
    // A lease refills at most a quarter of the burst, or a full bucket would run over and lose rate.
    this.#slice = Math.max(1, Math.min(SLICE, burst / 4));
  }

  /** What could start now, for `gate.stats()`. */
  get left(): { readonly requests: number; readonly tokens: number } {
    const now = performance.now();
    this.#requests?.accrue(now, 0);
    this.#tokens?.accrue(now, this.#saving);
    return {
      requests: this.#requests?.level ?? Number.POSITIVE_INFINITY,
      tokens: this.#tokens?.level ?? Number.POSITIVE_INFINITY,
    };
  }

  /** Milliseconds until the pause is over; 0 when there is none. */
  get pause(): number {
    return this.#pausedUntil === 0 ? 0 : Math.max(0, this.#pausedUntil - performance.now());
  }

  /** Takes permits at once, or gives false when the call would have to wait. */
  take(tokens: number): boolean {
    if (this.#queue.size > 0) return false;
    return this.#spend(tokens, performance.now());
  }

  /** Waits for permits in the queue and takes them. An abort rejects with its reason and takes none. */
  wait(tokens: number, cancellation: Cancellation | undefined): Promise<void> {
    return waitFor(cancellation, (resolve) => {
      const waiter: Waiter = { tokens, grant: resolve };
      this.#queue.add(waiter);
      this.#wake();
      return () => {
        this.#queue.delete(waiter);
        if (this.#queue.size === 0) this.#rest();
      };
    });
  }

  /** Gives back permits of a call that did not start. */
  giveBack(tokens: number): void {
    this.#requests?.spend(-1, 0);
    this.#tokens?.spend(-tokens, this.#saving);
  }

  /** Settles the difference between the tokens that a call reserved and those it cost. */
  settle(difference: number): void {
    this.#tokens?.accrue(performance.now(), this.#saving);
    this.#tokens?.spend(difference, this.#saving);
  }

  /** Lets nobody start for some ms. What was saved up is gone, for the vendor has refused a call. */
  pauseFor(ms: number): void {
    const now = performance.now();
    this.#requests?.empty(now);
    this.#tokens?.empty(now);
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms);
    if (this.#queue.size > 0) this.#wake();
  }

  /** Tokens that the head of the queue saves up for. */
  get #saving(): number {
    for (const { tokens } of this.#queue) return tokens;
    return 0;
  }

  #spend(tokens: number, now: number): boolean {
    if (this.#pausedUntil !== 0) {
      if (now < this.#pausedUntil) return false;
      this.#pausedUntil = 0;
    }
    // Both accrue, whether or not the first is enough: a skipped bucket would make up for it later.
    const enoughRequests = this.#requests?.accrue(now, 1) ?? true;
    const enoughTokens = this.#tokens?.accrue(now, tokens) ?? true;
    if (!enoughRequests || !enoughTokens) return false;
    this.#requests?.spend(1, 0);
    this.#tokens?.spend(tokens, 0);
    return true;
  }

  /** Starts what lets the queue move again: the end of the pause, or else the next lease. */
  #wake(): void {
    const pause = this.pause;
    if (pause > 0) {
      clearTimeout(this.#pauseTimer);
      this.#pauseTimer = setTimeout(() => this.#grant(), Math.min(Math.ceil(pause), LONGEST_TIMER));
    } else if (!this.#leased) {
      this.#leased = true;
      this.#limiter ??= new Bottleneck({ minTime: this.#slice });
      const limiter = this.#limiter;
      // The seam for a limit that several machines share: there a lease says how much it brings.
      const lease = async () => {
        if (limiter !== this.#limiter) return;
        this.#leased = false;
        this.#grant();
      };
      limiter.schedule(lease).catch(() => {}); // rejects when it is dropped, which is our own doing
    }
  }

  /** Grants in order until someone must wait, and asks for the next lease before this one is used up. */
  #grant(): void {
    for (const waiter of this.#queue) {
      if (!this.#spend(waiter.tokens, performance.now())) break;
      this.#queue.delete(waiter);
      waiter.grant();
    }
    if (this.#queue.size > 0) this.#wake();
  }

  /** Nobody waits any more, so nothing may hold the process. */
  #rest(): void {
    clearTimeout(this.#pauseTimer);
    if (!this.#leased) return;
    this.#leased = false;
    this.#limiter?.stop({ dropWaitingJobs: true }).catch(() => {});
    this.#limiter = undefined;
  }
}
