/// <reference path="./bottleneck-light.d.ts" />
// TokenQueue: who may start now, by requests, by tokens and by a vendor's pause. Two token buckets
// with one queue, refilled by leases of Bottleneck, the rate limiter.
import Bottleneck from "bottleneck/light.js";
import { type Cancellation, waitFor } from "../base/cancellation.js";
import { LONGEST_TIMER } from "../base/options.js";
import { Bucket, type Rate } from "./rate.js";

/**
 * The longest time between two leases, in ms. The last calls of a limited batch wait half of it on average: 25
 * instead of the 50 that were planned brings a batch of four seconds 0.3 % nearer to the ideal.
 */
const SLICE = 25;

/** A call that waits for permits of one gate, or of several at one moment. */
interface Waiter {
  readonly tokens: number;
  readonly primary: TokenQueue;
  readonly others: readonly TokenQueue[];
  grant(): void;
}

const NONE: readonly TokenQueue[] = [];

/** Lets calls start in the order they came, when requests, tokens and the pause allow. */
export class TokenQueue {
  readonly #requests: Bucket | undefined;
  readonly #tokens: Bucket | undefined;
  readonly #slice: number;
  /** Who waits, in order. */
  readonly queue = new Set<Waiter>();
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

  /** Takes permits here and of all others at one moment, or gives false when the call would have to wait. */
  take(tokens: number, others = NONE): boolean {
    const now = performance.now();
    if (!this.isReady(tokens, now)) return false;
    for (const other of others) if (!other.isReady(tokens, now)) return false;
    this.spend(tokens);
    for (const other of others) other.spend(tokens);
    return true;
  }

  /**
   * Waits in the queues of all and takes permits of all at one moment, for a permit that is taken early and used
   * late would break the promise about windows. An abort rejects with its reason and takes none.
   *
   * @param first - For a call that had its turn already and was refused: it goes before those who came later.
   */
  wait(
    tokens: number,
    others: readonly TokenQueue[],
    cancellation: Cancellation | undefined,
    first: boolean,
    drop?: () => void,
  ): Promise<void> {
    const start = (resolve: () => void) => {
      const waiter: Waiter = { tokens, primary: this, others, grant: resolve };
      for (const each of [this, ...others]) {
        const behind = first ? [...each.queue] : [];
        for (const later of behind) each.queue.delete(later);
        each.queue.add(waiter);
        for (const later of behind) each.queue.add(later);
        each.wake();
      }
      return () => leave(waiter);
    };
    return waitFor(cancellation, start, drop);
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
    if (this.queue.size > 0) this.wake();
  }

  /** Tokens that the head of the queue saves up for. */
  get #saving(): number {
    for (const { tokens } of this.queue) return tokens;
    return 0;
  }

  /** Whether a call could start now. */
  has(tokens: number, now: number): boolean {
    if (this.#pausedUntil !== 0) {
      if (now < this.#pausedUntil) return false;
      this.#pausedUntil = 0;
    }
    // Both accrue, whether or not the first is enough: a skipped bucket would make up for it later.
    const enoughRequests = this.#requests?.accrue(now, 1) ?? true;
    const enoughTokens = this.#tokens?.accrue(now, tokens) ?? true;
    return enoughRequests && enoughTokens;
  }

  /** Whether a call that comes now need not wait. */
  isReady(tokens: number, now: number): boolean {
    return this.queue.size === 0 && this.has(tokens, now);
  }

  spend(tokens: number): void {
    this.#requests?.spend(1, 0);
    this.#tokens?.spend(tokens, 0);
  }

  /** Starts what lets the queue move again: the end of the pause, or else the next lease. */
  wake(): void {
    const pause = this.pause;
    if (pause > 0) {
      clearTimeout(this.#pauseTimer);
      this.#pauseTimer = setTimeout(() => this.#tick(), Math.min(Math.ceil(pause), LONGEST_TIMER));
    } else if (!this.#leased) {
      this.#leased = true;
      this.#limiter ??= new Bottleneck({ minTime: this.#slice });
      const limiter = this.#limiter;
      // The seam for a limit that several machines share: there a lease says how much it brings.
      const lease = async () => {
        if (limiter !== this.#limiter) return;
        this.#leased = false;
        this.#tick();
      };
      limiter.schedule(lease).catch(() => {}); // rejects when it is dropped, which is our own doing
    }
  }

  /** Grants what can be granted, and asks for the next lease before this one is used up. */
  #tick(): void {
    for (const { primary } of this.queue) {
      primary.grant();
      break;
    }
    if (this.queue.size > 0) this.wake();
  }

  /** Grants in order until someone must wait for these tokenQueue. */
  grant(): void {
    const now = performance.now();
    for (const waiter of this.queue) {
      // Whoever is held up by a rate of its own does not wait for us, and lets others pass.
      const ready = waiter.others.every((other) => other.isFirst(waiter) && other.has(waiter.tokens, now));
      if (!ready) continue;
      if (!this.has(waiter.tokens, now)) return;
      leave(waiter);
      this.spend(waiter.tokens);
      for (const other of waiter.others) other.spend(waiter.tokens);
      waiter.grant();
    }
  }

  isFirst(waiter: Waiter): boolean {
    for (const first of this.queue) return first === waiter;
    return false;
  }

  /** Nobody waits any more, so nothing may hold the process. */
  rest(): void {
    clearTimeout(this.#pauseTimer);
    if (!this.#leased) return;
    this.#leased = false;
    this.#limiter?.stop({ dropWaitingJobs: true }).catch(() => {});
    this.#limiter = undefined;
  }
}

function leave(waiter: Waiter): void {
  for (const each of [waiter.primary, ...waiter.others]) {
    each.queue.delete(waiter);
    if (each.queue.size === 0) each.rest();
  }
}
