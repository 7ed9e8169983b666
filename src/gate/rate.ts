// Rates, and the token bucket (Turner 1986) that enforces them.
import { missingOption } from "../base/errors.js";
import { aPositiveNumber, checkOptions } from "../base/options.js";

/** A rate limit. */
export interface Rate {
  /** Requests per `per`. @default no limit */
  readonly requests?: number | undefined;
  /** Tokens per `per`, as `cost()` counts them. @default no limit */
  readonly tokens?: number | undefined;
  /** The period, in ms. */
  readonly per: number;
  /**
   * How much unused rate accumulates, in ms. For a vendor that allows the whole period at once set `burst: per`.
   * @default 1000
   */
  readonly burst?: number | undefined;
}

const rateRules = {
  requests: aPositiveNumber,
  tokens: aPositiveNumber,
  per: aPositiveNumber,
  burst: aPositiveNumber,
};

/** @throws SluiceError `INVALID_OPTION` or `UNKNOWN_OPTION` for an invalid rate. */
export function checkRate(where: string, rate: unknown): void {
  if (rate === undefined) return;
  checkOptions(`${where}, rate`, rate, rateRules);
  const { requests, tokens, per } = rate as Partial<Rate>;
  if (per === undefined)
    throw missingOption(`${where}, rate`, "per", "the period in ms (60_000 for a minute)");
  if (requests === undefined && tokens === undefined) {
    throw missingOption(`${where}, rate`, "requests", "it, or `tokens`, or both");
  }
}

/** The safety factor, because clocks and networks are not exact. */
const MARGIN = 0.99;

/** A token bucket: its level rises with time up to its capacity and falls by spending; below zero it is a debt. */
export class Bucket {
  /** The refill per millisecond. */
  readonly perMs: number;
  /** The maximum level. */
  readonly capacity: number;
  /** Written by each method below. */
  #level: number;
  #accruedAt: number;

  constructor(amount: number, { per, burst = 1_000 }: Rate, smallest: number, now: number) {
    this.perMs = (MARGIN * amount) / per;
    this.capacity = Math.max(this.perMs * burst, smallest);
    this.#level = this.capacity;
    this.#accruedAt = now;
  }

  /** The current level; a debt is negative. */
  get level(): number {
    return this.#level;
  }

  /**
   * Adds the refill since the last call, and returns the milliseconds until `wanted` is available. A call that costs
   * more than the capacity accumulates for itself only.
   */
  accrue(now: number, wanted: number): number {
    const level = Math.min(
      Math.max(this.capacity, wanted),
      this.#level + (now - this.#accruedAt) * this.perMs,
    );
    this.#level = level;
    this.#accruedAt = now;
    return level >= wanted - 1e-9 ? 0 : (wanted - level) / this.perMs;
  }

  /** Takes an amount; a negative one is returned, up to the capacity or to what a waiting call accumulates. */
  spend(amount: number, wanted: number): void {
    this.#level = Math.min(Math.max(this.capacity, wanted), this.#level - amount);
  }

  /** Empties the bucket after a refusal of the vendor. */
  empty(now: number): void {
    this.accrue(now, 0);
    this.#level = Math.min(this.#level, 0);
  }
}
