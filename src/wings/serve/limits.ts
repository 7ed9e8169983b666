// How much a handler takes on: the options, their rules and their defaults.
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

/** What a handler takes on before it refuses. */
export interface HandlerLimits {
  /** The most runs at once. @default 100 */
  readonly running?: number | undefined;
  /**
   * The most callers who wait for a run. Of more, the last of the {@link key} with the most gets 503 with
   * `Retry-After`. @default 1_000
   */
  readonly waiting?: number | undefined;
  /** Milliseconds for which a caller waits for a run; then it gets 503 with `Retry-After`. @default 60_000 */
  readonly queueTimeout?: number | undefined;
  /**
   * Names the owner of a request, such as a tenant. Callers of different keys take turns, so that one who sends
   * many does not delay the others. @default one key for all
   */
  readonly key?: ((request: Request) => Awaitable<string>) | undefined;
  /** The most requests that are read and checked at once; one more ends the oldest of them with 503. @default 1_000 */
  readonly arriving?: number | undefined;
  /** Milliseconds in which a request must have been read and checked; a slow body gets 408. @default 30_000 */
  readonly arrival?: number | undefined;
  /** The most bytes of a body; a larger one gets 413. @default 1_048_576 */
  readonly body?: number | undefined;
  /**
   * The most bytes of all bodies that arrive at once, and again of all that wait for a run, and of all streams that
   * have not been read yet after their run. @default 67_108_864
   */
  readonly bodies?: number | undefined;
  /** How many objects and arrays may lie in each other in a body; a deeper one gets 400. @default 100 */
  readonly depth?: number | undefined;
  /**
   * The most characters of events that a stream keeps for a reader who is behind, beside the newest one. Over
   * it the run is aborted; a sender that awaits `ctx.emit` never gets there. @default 1_048_576
   */
  readonly unread?: number | undefined;
  /** Milliseconds for which a reader may take nothing of what waits for it, before it is given up. @default 30_000 */
  readonly stalled?: number | undefined;
  /**
   * Milliseconds that a run has to end after its abort. Then its place goes to the next caller, and `onError` gets a
   * `HOOK_STUCK`: a hook does not end. @default 1_000
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

/** A limit that is `undefined` counts as left out. */
export function limitsOf(given: HandlerLimits = {}): Limits {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(set) };
}
