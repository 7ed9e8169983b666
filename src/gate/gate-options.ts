// The options of gates and their calls, and the statistics of gates.
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
  /** The name in events and diagrams. @default none */
  readonly name?: string | undefined;
  /** The maximum of calls in flight, or the bounds of a limit that adapts to the vendor. @default Infinity */
  readonly concurrency?: number | AdaptiveConcurrency | undefined;
  /** The maximum of requests and tokens in a period. @default no limit */
  readonly rate?: Rate | undefined;
  /**
   * Reads the pause that an error requests: milliseconds, `undefined` for the built-in {@link retryAfter}, or `false`
   * if the error requests no pause. A pause above `maxPause` is a failure.
   */
  readonly retryAfter?: ((error: unknown) => number | false | undefined) | undefined;
  /** The number of consecutive refusals after which a call fails. @default 8 */
  readonly maxPauses?: number | undefined;
  /** The longest pause, in ms: a refusal that requests a longer one fails at once. @default 300_000 */
  readonly maxPause?: number | undefined;
  /**
   * Shares `concurrency`, `rate` and pauses between processes, such as `redisLimit()` of `sluice/redis`. While the
   * shared limit is unreachable no call starts. Needs a numeric `concurrency`, a `rate`, or both, the same in all
   * processes.
   *
   * @default none: the limits apply to this gate only
   */
  readonly shared?: SharedLimit | undefined;
}

/** The options of {@link Gate.run}. */
export interface GateRunOptions {
  /** Tokens to reserve. @default 0 */
  readonly tokens?: number | undefined;
  /** Aborts the wait and the call; the promise then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** The context of the hook or of the outer `gate.run` that makes this call, which lends its slot. */
  readonly ctx?: GateContext | undefined;
}

/** The statistics of a gate. */
export interface GateStats {
  /** Calls in flight. */
  readonly running: number;
  /** Calls that wait for a slot, for permits or for the end of a pause. */
  readonly waiting: number;
  /** Requests that could start now. */
  readonly requestsLeft: number;
  /** Tokens that could be spent now. */
  readonly tokensLeft: number;
  /** The end of the pause, in ms since 1970, or `undefined`. */
  readonly pausedUntil: number | undefined;
  /** Calls started so far; a new try after a 429 counts again. */
  readonly started: number;
  /** Calls that the vendor refused so far. */
  readonly refused: number;
  /** The number of calls that were not refused, and the tokens that they charged, or otherwise reserved. */
  readonly spent: { readonly calls: number; readonly tokens: number };
  /**
   * The maximum of calls in flight, which changes if `concurrency` is adaptive. With `shared` it is that of all
   * processes.
   */
  readonly limit: number;
  /**
   * With `shared`: the reason while the shared limit is unreachable, so that no call can start. Absent without
   * `shared`.
   */
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
