// What a vendor allows, and the token bucket (Turner 1986) that keeps count of it.
import { missingOption } from "../base/errors.js";
import { aPositiveNumber, checkOptions } from "../base/options.js";

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
    throw missingOption(`${where}, rate`, "per", "the period in ms (60_000 for a minute)");
  if (requests === undefined && tokens === undefined) {
    throw missingOption(`${where}, rate`, "requests", "it, or `tokens`, or both");
  }
}

/** Stay this far under what is promised: clocks and networks are not exact. */
const MARGIN = 0.99;

/** A level that rises with time up to its capacity, and falls by what is spent; below zero it is a debt. */
export class Bucket {
  /** What comes in each ms. */
  readonly perMs: number;
  /** The most that is saved up. */
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

  /** What can be spent; a debt is negative. */
  get level(): number {
    return this.#level;
  }

  /**
   * Adds what came in since the last time, and gives the ms until `wanted` is there. A call dearer than the capacity
   * saves up for itself alone.
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

  /** A negative amount gives back, up to the capacity or what a waiting call saves up for. */
  spend(amount: number, wanted: number): void {
    this.#level = Math.min(Math.max(this.capacity, wanted), this.#level - amount);
  }

  /** Forgets what was saved up: the vendor has just said that there is nothing left. */
  empty(now: number): void {
    this.accrue(now, 0);
    this.#level = Math.min(this.#level, 0);
  }
}
