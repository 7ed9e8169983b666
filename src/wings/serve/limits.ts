// The limits of a handler: the options, their rules and their defaults.
import type { Awaitable } from "sluice";
import {
  aCount,
  aCountOrInfinity,
  aDelay,
  aFunction,
  aTimeout,
  aWholeNumber,
  type Rule,
} from "sluice/internal";

/** The limits of a handler. */
export interface HandlerLimits {
  /** The largest number of concurrent runs. @default 100 */
  readonly running?: number | undefined;
  /**
   * The largest number of waiting callers. Beyond it, the last caller of the {@link key} with the most callers gets 503
   * with `Retry-After`. @default 1_000
   */
  readonly waiting?: number | undefined;
  /** Milliseconds that a caller waits for a run; then it gets 503 with `Retry-After`. @default 60_000 */
  readonly queueTimeout?: number | undefined;
  /**
   * Returns the owner of a request, such as a tenant. Callers of different keys take turns, so that a tenant with many
   * requests does not delay the others. @default one key for all
   */
  readonly key?: ((request: Request) => Awaitable<string>) | undefined;
  /** The largest number of requests that are read and checked at once; one more ends the oldest with 503. @default 1_000 */
  readonly arriving?: number | undefined;
  /** Milliseconds in which a request must have been read and checked; a slow body gets 408. @default 30_000 */
  readonly arrival?: number | undefined;
  /** The largest size of a body in bytes; a larger one gets 413. @default 1_048_576 */
  readonly body?: number | undefined;
  /**
   * The largest number of bytes of all bodies that are being read. The same limit applies to the bodies of waiting
   * requests, and to unread streams of ended runs. @default 67_108_864
   */
  readonly bodies?: number | undefined;
  /** The largest depth of nested objects and arrays in a body; a deeper one gets 400. @default 100 */
  readonly depth?: number | undefined;
  /**
   * The largest number of unread characters of a stream, without the newest event. Beyond it the run is aborted; code
   * that awaits `ctx.emit` never reaches it. @default 1_048_576
   */
  readonly unread?: number | undefined;
  /** Milliseconds without a read of waiting data, after which the run is aborted. @default 30_000 */
  readonly stalled?: number | undefined;
  /**
   * Milliseconds in which a run must end after its abort. After them the next caller gets its place, and `onError` gets
   * a `HOOK_STUCK`: a hook does not end. @default 1_000
   */
  readonly grace?: number | undefined;
}

const aCountFrom0: Rule = {
  expected: "a non-negative integer or Infinity",
  accepts: (value) => value === Number.POSITIVE_INFINITY || aWholeNumber.accepts(value),
};

export const limitRules: Record<keyof HandlerLimits, Rule> = {
  running: aCountOrInfinity,
  waiting: aCountFrom0,
  queueTimeout: aTimeout,
  key: aFunction,
  arriving: aCountOrInfinity,
  arrival: aTimeout,
  body: aCount,
  bodies: aCountOrInfinity,
  depth: aCount,
  unread: aCount,
  stalled: aTimeout,
  grace: aDelay,
};

const defaults = {
  running: 100,
  waiting: 1_000,
  queueTimeout: 60_000,
  key: (_request: Request): Awaitable<string> => "",
  arriving: 1_000,
  arrival: 30_000,
  body: 1_048_576,
  bodies: 67_108_864,
  depth: 100,
  unread: 1_048_576,
  stalled: 30_000,
  grace: 1_000,
};

export type Limits = typeof defaults;

/** A limit that is `undefined` counts as omitted. */
export function limitsOf(given: HandlerLimits = {}): Limits {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(set) };
}
