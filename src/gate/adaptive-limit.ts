// A slot limit that adapts to the vendor: a refusal lowers it to the number of accepted calls, later it grows by
// doubling steps.
import { invalidOption } from "../base/errors.js";
import { aCount, aCountOrInfinity, checkOptions, isPlainObject, UNLIMITED } from "../base/options.js";
import type { GateCounts } from "./gate-counts.js";
import type { Semaphore } from "./semaphore.js";

/** The bounds of an adaptive limit. */
export interface AdaptiveConcurrency {
  /** The first limit. */
  readonly start: number;
  /** The minimum limit. @default 1 */
  readonly min?: number | undefined;
  /** The maximum limit. @default Infinity */
  readonly max?: number | undefined;
}

/** Rounds without growth after a refusal. */
const HOLD = 8;

/** @throws SluiceError `INVALID_OPTION` or `UNKNOWN_OPTION` for invalid bounds. */
export function checkConcurrency(where: string, concurrency: unknown): void {
  if (!isPlainObject(concurrency)) return;
  const place = `${where}, concurrency`;
  checkOptions(place, concurrency, { start: aCount, min: aCount, max: aCountOrInfinity });
  const { start, min = 1, max = UNLIMITED } = concurrency as Partial<AdaptiveConcurrency>;
  if (start === undefined || start < min || start > max) {
    throw invalidOption(place, "start", "an integer from `min` to `max`", start);
  }
}

/** Adapts the limit of one semaphore. A round ends after as many calls as the limit has slots. */
export class AdaptiveLimit {
  readonly #semaphore: Semaphore;
  readonly #counts: GateCounts;
  readonly #min: number;
  readonly #max: number;
  /** The number of calls that ran at the first refusal of an episode and were not refused since. */
  #letThrough = 0;
  /** Remaining rounds without growth; written at refusals and by rounds. */
  #hold = 0;
  #step = 1;
  /** Calls left until the round ends. */
  #left: number;
  /** Whether a call waited for a slot in this round. */
  #usedUp = false;

  constructor(semaphore: Semaphore, counts: GateCounts, bounds: AdaptiveConcurrency) {
    this.#semaphore = semaphore;
    this.#counts = counts;
    this.#min = bounds.min ?? 1;
    this.#max = bounds.max ?? UNLIMITED;
    this.#left = bounds.start;
  }

  /** @param isNew - Whether the call started after the last refusals; several concurrent refusals count as one. */
  refused(isNew: boolean): void {
    this.#letThrough = isNew ? this.#counts.running - 1 : this.#letThrough - 1;
    this.#hold = HOLD;
    this.#step = 1;
    this.#set(Math.min(this.#semaphore.limit, this.#letThrough));
  }

  /** A call has ended, whatever its outcome. */
  ended(): void {
    if (this.#semaphore.waiting > 0) this.#usedUp = true;
    if (--this.#left > 0) return;
    if (this.#hold > 0) this.#hold--;
    else if (this.#usedUp) {
      this.#set(this.#semaphore.limit + this.#step);
      this.#step *= 2;
    } else this.#step = 1;
    this.#startRound();
  }

  #set(limit: number): void {
    this.#semaphore.limit = Math.max(this.#min, Math.min(this.#max, limit));
    this.#startRound();
  }

  #startRound(): void {
    this.#left = this.#semaphore.limit;
    this.#usedUp = false;
  }
}
