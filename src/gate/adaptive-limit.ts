// A limit of slots that follows what a vendor lets through: down to that at a refusal, up by doubling steps later.
import { invalidOption } from "../base/errors.js";
import { aCount, aCountOrInfinity, checkOptions, isPlainObject, UNLIMITED } from "../base/options.js";
import type { GateCounts } from "./gate-counts.js";
import type { Semaphore } from "./semaphore.js";

/** Bounds of a limit that adapts. */
export interface AdaptiveConcurrency {
  /** The first limit. */
  readonly start: number;
  /** The limit never falls below. @default 1 */
  readonly min?: number | undefined;
  /** The limit never rises above. @default Infinity */
  readonly max?: number | undefined;
}

/** Rounds without growth after a refusal. */
const HOLD = 8;

/** @throws SluiceError for bounds with a wrong, missing or unknown field, or in the wrong order. */
export function checkConcurrency(where: string, concurrency: unknown): void {
  if (!isPlainObject(concurrency)) return;
  const place = `${where}, concurrency`;
  checkOptions(place, concurrency, { start: aCount, min: aCount, max: aCountOrInfinity });
  const { start, min = 1, max = UNLIMITED } = concurrency as Partial<AdaptiveConcurrency>;
  if (start === undefined || start < min || start > max) {
    throw invalidOption(place, "start", "an integer from `min` to `max`", start);
  }
}

/** Adapts the limit of one semaphore. A round is as many ends of calls as the limit has slots. */
export class AdaptiveLimit {
  readonly #semaphore: Semaphore;
  readonly #counts: GateCounts;
  readonly #min: number;
  readonly #max: number;
  /** Of the calls that ran at the first refusal of an episode, those not refused since. */
  #letThrough = 0;
  /** Rounds to go without growth; written at refusals and by rounds. */
  #hold = 0;
  #step = 1;
  /** Calls to end until the round is over. */
  #left: number;
  /** Whether a call had to wait for a slot in this round. */
  #usedUp = false;

  constructor(semaphore: Semaphore, counts: GateCounts, bounds: AdaptiveConcurrency) {
    this.#semaphore = semaphore;
    this.#counts = counts;
    this.#min = bounds.min ?? 1;
    this.#max = bounds.max ?? UNLIMITED;
    this.#left = bounds.start;
  }

  /** @param isNew - Whether the call had started since the last refusals; several at once count as one. */
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
