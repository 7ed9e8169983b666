// The wait between attempts. Full jitter follows Brooker, "Exponential Backoff And Jitter" (2015).
import { invalidOption, quote } from "../base/errors.js";
import {
  aDelay,
  aFunction,
  aPositiveNumber,
  checkOptions,
  isPlainObject,
  LONGEST_TIMER,
  oneOf,
  rule,
} from "../base/options.js";

/** A growing wait between attempts. */
export interface BackoffOptions {
  /** The wait after the first failure, in ms. */
  readonly delay: number;
  /** The factor by which each further wait grows. @default 2 */
  readonly factor?: number | undefined;
  /** The longest wait, in ms. @default no limit */
  readonly max?: number | undefined;
  /**
   * `"full"` waits a random time between 0 and the computed one, which spreads the retries of callers.
   * @default "full"
   */
  readonly jitter?: "full" | "none" | undefined;
}

/** A constant wait in ms, a growing one, or a function of the attempt that failed (from 0) and its error. */
export type Backoff =
  | number
  | BackoffOptions
  | ((attempt: number, error: unknown) => number | PromiseLike<number>);

const backoffRules = { delay: aDelay, factor: aPositiveNumber, max: aDelay, jitter: oneOf("full", "none") };

/** The rule for the option itself; {@link checkBackoff} checks its fields. */
export const aBackoff = rule(
  "milliseconds, { delay, factor, max, jitter } or (attempt, error) => ms",
  (value) => aDelay.accepts(value) || aFunction.accepts(value) || isPlainObject(value),
);

/** @throws SluiceError for a wrong field of `backoff: { … }`. */
export function checkBackoff(where: string, backoff: unknown): void {
  if (!isPlainObject(backoff)) return;
  checkOptions(`${where}, backoff`, backoff, backoffRules);
  if (backoff.delay === undefined)
    throw invalidOption(`${where}, backoff`, "delay", aDelay.expected, undefined);
}

/** The wait after an attempt, counted from 0, has failed with an error; in ms. */
export async function waitAfter(
  backoff: Backoff,
  number: number,
  error: unknown,
  name: string,
): Promise<number> {
  if (typeof backoff === "number") return backoff;
  if (typeof backoff === "function") {
    const wait = await backoff(number, error);
    if (typeof wait === "number" && wait >= 0) return Math.min(wait, LONGEST_TIMER);
    throw invalidOption(quote(name), "backoff", "a function that returns 0 or more milliseconds", wait);
  }
  const { delay, factor = 2, max = LONGEST_TIMER, jitter = "full" } = backoff;
  const wait = Math.min(delay * factor ** number, max);
  return jitter === "full" ? Math.random() * wait : wait;
}
