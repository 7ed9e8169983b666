// What a gate is made with, what its calls are made with, and what it reports.
import { HELD, SHARED_LIMIT } from "../base/keys.js";
import {
  aCountOrInfinity,
  aFunction,
  anAmount,
  anObject,
  aSignal,
  aString,
  aWholeNumber,
  isPlainObject,
  type Rule,
} from "../base/options.js";
import { isObject } from "../base/realms.js";
import type { AdaptiveConcurrency } from "./adaptive-limit.js";
import type { GateContext } from "./gate-call.js";
import type { Rate } from "./rate.js";
import type { SharedLimit } from "./shared-limit.js";

/** The options of a {@link Gate}. */
export interface GateOptions {
  /** What events and diagrams call it. @default none */
  readonly name?: string | undefined;
  /** The most calls in flight at once, or the bounds of a limit that follows what the vendor lets through. @default Infinity */
  readonly concurrency?: number | AdaptiveConcurrency | undefined;
  /** The most requests and tokens in a period. @default no limit */
  readonly rate?: Rate | undefined;
  /**
   * Reads a pause out of an error: milliseconds, `undefined` to leave it to the built-in {@link retryAfter},
   * or `false` when the error is no call to wait. Its milliseconds are taken as they are, up to `maxPause`.
   */
  readonly retryAfter?: ((error: unknown) => number | false | undefined) | undefined;
  /** How many refusals in a row one call waits out before its error is its failure. @default 8 */
  readonly maxPauses?: number | undefined;
  /** The longest pause that is waited for, in ms: a refusal that names a longer wait fails at once. @default 300_000 */
  readonly maxPause?: number | undefined;
  /**
   * Where `concurrency` and `rate` are kept for all processes together, such as `redisLimit()` of `sluice/redis`. A
   * pause holds for all, too. While it is out of reach no call starts. Needs a `concurrency` that is a number, a
   * `rate`, or both, the same in all processes.
   *
   * @default none: the limits are those of this gate alone
   */
  readonly shared?: SharedLimit | undefined;
}

/** The options of {@link Gate.run}. */
export interface GateRunOptions {
  /** Tokens to reserve. @default 0 */
  readonly tokens?: number | undefined;
  /** Stops the wait and the call; the promise then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** The context of the hook, or of the outer `gate.run`, that makes this call: it lends its slot. */
  readonly ctx?: GateContext | undefined;
}

/** What {@link Gate.stats} returns. */
export interface GateStats {
  /** Calls that have started and not ended. */
  readonly running: number;
  /** Calls that wait for a slot, for permits or for the end of a pause. */
  readonly waiting: number;
  /** Requests that could start now. */
  readonly requestsLeft: number;
  /** Tokens that could be spent now. */
  readonly tokensLeft: number;
  /** The end of the pause, in ms since 1970, or `undefined`. */
  readonly pausedUntil: number | undefined;
  /** Calls started so far; one that goes again after a 429 counts again. */
  readonly started: number;
  /** Calls that the vendor refused so far. */
  readonly refused: number;
  /** What calls took that were not refused: their number, and the tokens that they charged or else reserved. */
  readonly spent: { readonly calls: number; readonly tokens: number };
  /** The most calls in flight at once; it moves where `concurrency` adapts. With `shared`, that of all processes. */
  readonly limit: number;
  /** With `shared`: why no call can start, while the shared limit is out of reach. Left out without `shared`. */
  readonly blocked?: string | undefined;
}

export const gateRules = {
  name: aString,
  concurrency: {
    expected: `${aCountOrInfinity.expected}, or { start, min, max }`,
    accepts: (value: unknown) => aCountOrInfinity.accepts(value) || isPlainObject(value),
  },
  rate: anObject,
  retryAfter: aFunction,
  maxPauses: aWholeNumber,
  maxPause: anAmount,
  shared: {
    expected: "a SharedLimit, such as redisLimit() of sluice/redis",
    accepts: (value: unknown) => isObject(value) && SHARED_LIMIT in value,
  },
};
export const runRules: Record<string, Rule> = {
  tokens: anAmount,
  signal: aSignal,
  ctx: {
    expected: "the context of a hook or of an outer `gate.run`",
    accepts: (value) => isObject(value) && HELD in value,
  },
};
