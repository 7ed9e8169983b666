// The rules of a gate for failed calls: what is a refusal, how long to wait, and whether all calls wait.
import { invalidOption } from "../base/errors.js";
import { isAmount } from "../base/options.js";
import type { GateCounts } from "./gate-counts.js";
import type { GateWarnings } from "./gate-warnings.js";
import { looksLikeRefusal, type Refusal, readRefusal } from "./refusal.js";

/** The wait after a refusal without one, and the minimum after a second consecutive refusal, in ms. */
const FLOOR = 1_000;
/** The number of overload refusals among the last {@link ANSWERS} answers that pauses the gate. */
const OVERLOADS = 5;
const ANSWERS = 20;

/** The maximum of errors read in full within {@link READ_WITHIN} ms; after that a status of 429 is enough. */
const MOST_READ = 100;
const READ_WITHIN = 20;

/** The options for refusals. */
export interface RefusalOptions {
  readonly retryAfter?: ((error: unknown) => number | false | undefined) | undefined;
  readonly maxPauses?: number | undefined;
  readonly maxPause?: number | undefined;
}

/** The decision on a refused call. */
export interface Verdict {
  /** Milliseconds that it waits. */
  readonly wait: number;
  /** Whether all calls wait too. */
  readonly pausesGate: boolean;
  /** Whether it was refused too often, so that it fails. */
  readonly isLast: boolean;
}

/** Judges the failures of one gate's calls. */
export class RefusalRules {
  readonly maxPauses: number;
  readonly #retryAfter: ((error: unknown) => number | false | undefined) | undefined;
  readonly #maxPause: number;
  readonly #counts: GateCounts;
  readonly #warnings: GateWarnings;
  /** The number of ended calls at each of the last overload refusals, the oldest first. */
  readonly #overloads: number[] = [];
  /** The number of errors read since {@link #readSince}; `#longest` is the refusal among them with the longest wait. */
  #readCount = 0;
  #readSince = 0;
  #longest: Refusal | undefined;

  constructor(options: RefusalOptions, counts: GateCounts, warnings: GateWarnings) {
    this.maxPauses = options.maxPauses ?? 8;
    this.#retryAfter = options.retryAfter;
    this.#maxPause = options.maxPause ?? 300_000;
    this.#counts = counts;
    this.#warnings = warnings;
  }

  /**
   * @param before - The number of consecutive refusals before.
   * @returns The verdict; `undefined` for an error that is not a refusal, or requests a wait above `maxPause`.
   * @throws The error of `retryAfter`; SluiceError `INVALID_OPTION` for an invalid result of it.
   */
  judge(error: unknown, before: number): Verdict | undefined {
    const isLast = before >= this.maxPauses;
    const own = this.#retryAfter?.(error);
    if (own === false) return undefined;
    if (own !== undefined) {
      if (!isAmount(own))
        throw invalidOption(
          "Gate",
          "retryAfter",
          "to return 0 or more milliseconds, undefined or false",
          own,
        );
      return own > this.#maxPause ? undefined : { wait: own, pausesGate: true, isLast };
    }
    const refusal = this.#read(error);
    if (refusal === undefined) {
      this.#checkUnderstood(error);
      return undefined;
    }
    const named = refusal.wait ?? 0;
    if (named > this.#maxPause) return undefined;
    const wait = before === 0 ? named || FLOOR : Math.max(named, this.#grown(before));
    return { wait, pausesGate: refusal.kind === "rate" || this.#isOverloaded(), isLast };
  }

  /**
   * Reads a refusal. Of thousands of concurrent refusals only some are read, because each takes 12 to 100 us: the
   * refusals read in the last 20 ms stand for the others.
   */
  #read(error: unknown): Refusal | undefined {
    const now = performance.now();
    if (Math.abs(now - this.#readSince) > READ_WITHIN) {
      this.#readSince = now;
      this.#readCount = 0;
      this.#longest = undefined;
    }
    if (this.#longest !== undefined && this.#readCount >= MOST_READ && isPlain429(error))
      return this.#longest;
    this.#readCount++;
    const refusal = readRefusal(error);
    if (refusal?.kind === "rate" && (refusal.wait ?? 0) >= (this.#longest?.wait ?? 0))
      this.#longest = refusal;
    return refusal;
  }

  /** Doubles with each consecutive refusal, with jitter, so that several processes do not retry at the same moment. */
  #grown(before: number): number {
    const grown = FLOOR * 2 ** (before - 1) * (1 + Math.random() / 4);
    return Math.min(grown, Math.max(FLOOR, this.#maxPause));
  }

  /** Records an overload refusal, and returns whether there were too many recently. */
  #isOverloaded(): boolean {
    const { ended } = this.#counts;
    if (this.#overloads.push(ended) > OVERLOADS) this.#overloads.shift();
    const [oldest = 0] = this.#overloads;
    return this.#overloads.length === OVERLOADS && ended - oldest < ANSWERS;
  }

  #checkUnderstood(error: unknown): void {
    if (this.#warnings.has("SLUICE_REFUSAL_NOT_UNDERSTOOD") || !looksLikeRefusal(error)) return;
    const text =
      "An error looks like a refusal for too many calls, but has no known status of one, so it counts as a failure. If it is a refusal, set `new Gate({ retryAfter: (error) => ms })`";
    this.#warnings.once("SLUICE_REFUSAL_NOT_UNDERSTOOD", `${text}: ${brief(error)}`);
  }
}

function isPlain429(error: unknown): boolean {
  try {
    return (error as { status?: unknown } | undefined)?.status === 429;
  } catch {
    return false;
  }
}

/** The beginning of an error message. */
function brief(error: unknown): string {
  try {
    return String(error).slice(0, 200);
  } catch {
    return "(an error that cannot be shown)";
  }
}
