// The limits of a vendor: the wait of a request, and what it takes. All times are parameters, in ms.

/** A limit of requests or of tokens. */
export interface Limit {
  /** Milliseconds until the amount is free; for more than the limit, until all is free. */
  wait(amount: number, now: number): number;
  /** Takes an amount. The returned function replaces it by the actual amount. */
  take(amount: number, now: number): (actual: number) => void;
}

/** The window of a limit. */
export type LimitWindow = "bucket" | "fixed" | "sliding";

/** Creates a limit of `amount` per `per` ms. @param burst - How many ms of unused rate a bucket keeps. */
export function makeLimit(window: LimitWindow, amount: number, per: number, burst: number): Limit {
  if (window === "fixed") return new FixedWindow(amount, per);
  if (window === "sliding") return new SlidingWindow(amount, per);
  return new TokenBucket(amount / per, Math.max(1, (amount / per) * burst));
}

/** The tolerance for sums of fractions. */
const SLACK = 1e-6;

/** A token bucket, which starts full. */
class TokenBucket implements Limit {
  readonly #perMs: number;
  readonly #capacity: number;
  #level: number;
  #at: number | undefined;

  constructor(perMs: number, capacity: number) {
    this.#perMs = perMs;
    this.#capacity = capacity;
    this.#level = capacity;
  }

  wait(amount: number, now: number): number {
    this.#level = Math.min(this.#capacity, this.#level + (now - (this.#at ?? now)) * this.#perMs);
    this.#at = now;
    const missing = Math.min(amount, this.#capacity) - this.#level;
    return missing <= SLACK ? 0 : missing / this.#perMs;
  }

  take(amount: number) {
    this.#level -= amount;
    return (actual: number) => {
      this.#level -= actual - amount;
    };
  }
}

/** A count that is reset in each period; the first period begins with the first request. */
class FixedWindow implements Limit {
  readonly #limit: number;
  readonly #per: number;
  #used = 0;
  #start: number | undefined;

  constructor(limit: number, per: number) {
    this.#limit = limit;
    this.#per = per;
  }

  wait(amount: number, now: number): number {
    this.#start ??= now;
    const periods = Math.floor((now - this.#start) / this.#per);
    if (periods > 0) {
      this.#start += periods * this.#per;
      this.#used = 0;
    }
    const isFree = this.#used + Math.min(amount, this.#limit) <= this.#limit + SLACK;
    return isFree ? 0 : this.#start + this.#per - now;
  }

  take(amount: number) {
    const start = this.#start;
    this.#used += amount;
    return (actual: number) => {
      if (start === this.#start) this.#used += actual - amount;
    };
  }
}

/** The amounts taken in the last `per` ms. */
class SlidingWindow implements Limit {
  readonly #limit: number;
  readonly #per: number;
  readonly #taken: { readonly at: number; amount: number }[] = [];

  constructor(limit: number, per: number) {
    this.#limit = limit;
    this.#per = per;
  }

  wait(amount: number, now: number): number {
    while (this.#taken[0] !== undefined && this.#taken[0].at + this.#per <= now) this.#taken.shift();
    let over = Math.min(amount, this.#limit) - this.#limit;
    for (const each of this.#taken) over += each.amount;
    for (const { at, amount: freed } of this.#taken) {
      if (over <= SLACK) return 0;
      over -= freed;
      if (over <= SLACK) return at + this.#per - now;
    }
    return 0;
  }

  take(amount: number, now: number) {
    const entry = { at: now, amount };
    this.#taken.push(entry);
    return (actual: number) => {
      entry.amount = actual;
    };
  }
}
