// Gate: one thing with a limit, as a semaphore (p-limit) and a rate limiter (Bottleneck) that whoever calls
// it shares. The order of every call is: slot, tokenQueue, pause, start.
import { Cancellation } from "../base/cancellation.js";
import { invalidOption } from "../base/errors.js";
import { GATE, HELD } from "../base/keys.js";
import {
  aCountOrInfinity,
  aFunction,
  anAmount,
  anObject,
  aSignal,
  aString,
  aWholeNumber,
  checkOptions,
  isAmount,
  type Rule,
} from "../base/options.js";
import { isObject } from "../base/realms.js";
import type { PauseWatcher } from "../observe/gate-log.js";
import { acquire } from "./acquire.js";
import { GateCall, type GateContext } from "./gate-call.js";
import type { Held } from "./held-slots.js";
import { provideGates } from "./private-gate.js";
import { checkRate, type Rate } from "./rate.js";
import { retryAfter } from "./retry-after.js";
import { Semaphore } from "./semaphore.js";
import { StallWatch } from "./stall.js";
import { TokenQueue } from "./token-queue.js";

/** The options of a {@link Gate}. */
export interface GateOptions {
  /** What events and diagrams call it. @default none */
  readonly name?: string | undefined;
  /** The most calls in flight at once. @default Infinity */
  readonly concurrency?: number | undefined;
  /** The most requests and tokens in a period. @default no limit */
  readonly rate?: Rate | undefined;
  /**
   * Reads a pause out of an error: milliseconds, `undefined` to leave it to the built-in {@link retryAfter},
   * or `false` when the error is no call to wait.
   */
  readonly retryAfter?: ((error: unknown) => number | false | undefined) | undefined;
  /** How many pauses in a row one call sits out before its error is its failure. @default 8 */
  readonly maxPauses?: number | undefined;
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

/** What {@link Gate.stats} tells. */
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
  /** Calls that the vendor refused with 429 so far. */
  readonly refused: number;
}

const gateRules = {
  name: aString,
  concurrency: aCountOrInfinity,
  rate: anObject,
  retryAfter: aFunction,
  maxPauses: aWholeNumber,
};
const runRules: Record<string, Rule> = {
  tokens: anAmount,
  signal: aSignal,
  ctx: {
    expected: "the context of a hook or of an outer `gate.run`",
    accepts: (value) => isObject(value) && HELD in value,
  },
};

/**
 * A semaphore and a rate limiter for one thing with a limit: a vendor account, a database, a GPU.
 *
 * Share one gate between all nodes, flows and runs that use the thing. In any window of `t` ms it starts at
 * most `max(burst × rate, the largest single cost) + t × rate`, less a margin of 1 %. First come, first
 * served. When the vendor answers 429 the whole gate pauses as long as the vendor asks.
 *
 * @example
 * ```ts
 * import { Gate } from "sluice";
 *
 * const vendor = new Gate({ concurrency: 2, rate: { requests: 500, tokens: 200_000, per: 60_000 } });
 * const answer = await vendor.run(async ({ charge }) => {
 *   charge(900);
 *   return "paid";
 * }, { tokens: 1_200 });
 * answer; // => "paid"
 * vendor.stats().started; // => 1
 * ```
 */
export class Gate {
  /** What events and diagrams call it. */
  readonly name: string | undefined;
  /** What it was made with. */
  readonly options: GateOptions;
  /** @internal */
  readonly semaphore: Semaphore | undefined;
  /** @internal */
  readonly tokenQueue: TokenQueue;
  /** @internal */
  readonly tokensAPeriod: number;
  /** @internal */
  readonly maxPauses: number;
  /** @internal */
  readonly counts = { waiting: 0, running: 0, started: 0, refused: 0, ended: 0 };
  /** @internal Above 0 while a holder's function runs its first, synchronous part. */
  entered = 0;
  /** @internal Whether no call has started since it was paused. */
  paused = false;
  /** @internal The runs that are told of pauses. */
  readonly watchers = new Set<PauseWatcher>();
  readonly #stall = new StallWatch();

  /** @throws SluiceError `INVALID_OPTION` or `UNKNOWN_OPTION`. */
  constructor(options: GateOptions = {}) {
    checkOptions("Gate", options, gateRules);
    const { concurrency = Number.POSITIVE_INFINITY, rate } = options;
    checkRate("Gate", rate);
    this.name = options.name;
    this.options = options;
    if (concurrency !== Number.POSITIVE_INFINITY) this.semaphore = new Semaphore(concurrency);
    this.tokenQueue = new TokenQueue(rate);
    this.tokensAPeriod = rate?.tokens ?? Number.POSITIVE_INFINITY;
    this.maxPauses = options.maxPauses ?? 8;
  }

  /**
   * Runs a function under the gate: it waits for a slot and tokenQueue, and goes again after a 429.
   *
   * An abort rejects at once with the signal's reason; a function that ignores its signal keeps its slot until
   * it ends, for the vendor is still at work.
   *
   * @throws SluiceError `COST_TOO_HIGH` for more tokens than a whole period brings, `INVALID_OPTION`.
   */
  async run<T>(call: (context: GateContext) => T | PromiseLike<T>, options: GateRunOptions = {}): Promise<T> {
    checkOptions("gate.run()", options, runRules);
    if (typeof call !== "function") throw invalidOption("gate.run()", "call", "a function", call);
    const { tokens = 0, signal } = options;
    const ctx = options.ctx as { [HELD]?: Held; cancellation?: Cancellation } | undefined;
    let cancellation = ctx?.cancellation;
    if (signal !== undefined) {
      cancellation = new Cancellation().followSignal(signal);
      if (ctx?.cancellation !== undefined) cancellation.follow(ctx.cancellation);
    }
    const calm = ctx === undefined ? this.#stall.watch(this) : undefined;
    const request = {
      gates: [this],
      tokens,
      borrowedFrom: ctx?.[HELD],
      cancellation,
      slots: true,
      raced: true,
    };
    try {
      const work = acquire(request, async (grant) => {
        calm?.();
        const hook = new GateCall(grant, cancellation);
        try {
          return await call(hook);
        } finally {
          hook.close();
        }
      });
      return await (cancellation === undefined ? work : cancellation.race(work));
    } finally {
      calm?.();
      if (signal !== undefined) cancellation?.release();
    }
  }

  /** Tells what the gate is doing now. */
  stats(): GateStats {
    const { waiting, running, started, refused } = this.counts;
    const { requests, tokens } = this.tokenQueue.left;
    const pause = this.tokenQueue.pause;
    return {
      running,
      waiting,
      requestsLeft: Math.floor(requests),
      tokensLeft: Math.floor(tokens),
      pausedUntil: pause > 0 ? Date.now() + pause : undefined,
      started,
      refused,
    };
  }

  /** @internal The pause that a failed call asks for, if any. */
  pauseAfter(error: unknown): number | undefined {
    const own = this.options.retryAfter?.(error);
    if (own === false) return undefined;
    if (own === undefined) return pauseOf(error);
    if (!isAmount(own))
      throw invalidOption("Gate", "retryAfter", "to return milliseconds from 0 up, undefined or false", own);
    return own;
  }
}

Object.defineProperty(Gate.prototype, GATE, { value: true });

/** An error that throws when it is looked at asks for no pause. */
function pauseOf(error: unknown): number | undefined {
  try {
    return retryAfter(error);
  } catch {
    return undefined;
  }
}

provideGates((rate) => new Gate({ rate }));
