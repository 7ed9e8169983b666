// Gate: a semaphore (p-limit) and a rate limiter (Bottleneck) for one limited resource, shared by all its callers. The
// order of every call is: slot, permits, pause, start.
import { isThenable } from "../base/awaitable.js";
import { Cancellation } from "../base/cancellation.js";
import { invalidOption, SluiceError } from "../base/errors.js";
import { GATE, HELD, SHARED_LIMIT } from "../base/keys.js";
import { checkOptions, UNLIMITED } from "../base/options.js";
import type { PauseWatcher } from "../observe/gate-log.js";
import { acquire, tryAcquire } from "./acquire.js";
import type { AcquireRequest } from "./acquire-request.js";
import { AdaptiveLimit, checkConcurrency } from "./adaptive-limit.js";
import { GateCall, type GateContext } from "./gate-call.js";
import { newCounts } from "./gate-counts.js";
import {
  type GateOptions,
  type GateRunOptions,
  type GateStats,
  gateRules,
  runRules,
} from "./gate-options.js";
import { GateWarnings } from "./gate-warnings.js";
import type { Grant } from "./grant.js";
import { type Held, lend, type SlotCarrier } from "./held-slots.js";
import { provideGates } from "./private-gate.js";
import { checkRate } from "./rate.js";
import { RefusalRules } from "./refusal-rules.js";
import { type RequestScopes, scopesOn } from "./request-scopes.js";
import { Semaphore } from "./semaphore.js";
import type { SharedFeed } from "./shared-feed.js";
import { StallWatch } from "./stall.js";
import { TokenQueue } from "./token-queue.js";

/** Outside the class: bundlers rename a class that refers to itself. */
const hasOwnRun = (subclass: typeof Gate): boolean => subclass.prototype.run !== Gate.prototype.run;

/**
 * A semaphore and a rate limiter for one limited resource: a vendor account, a database, a GPU.
 *
 * Share one gate between all nodes, flows and runs that use the resource. In any window of `t` ms it starts at most
 * `max(burst × rate, the largest single cost) + t × rate`, less a margin of 1 %. Calls are served in order of arrival.
 * When the vendor answers 429 the whole gate pauses for as long as the vendor requests.
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
  /** The name in events and diagrams. */
  readonly name: string | undefined;
  /** The options of the constructor. */
  readonly options: GateOptions;
  /** @internal */
  readonly semaphore: Semaphore | undefined;
  /** @internal */
  readonly adaptive: AdaptiveLimit | undefined;
  /** @internal */
  readonly tokenQueue: TokenQueue;
  /** @internal */
  readonly shared: SharedFeed | undefined;
  /** @internal */
  readonly tokensAPeriod: number;
  /** @internal */
  readonly counts = newCounts();
  /** @internal */
  readonly warnings: GateWarnings;
  /** @internal */
  readonly refusals: RefusalRules;
  /** @internal */
  readonly scopes: RequestScopes | undefined;
  /** @internal Above 0 during the synchronous part of a function that holds a slot. */
  entered = 0;
  /** @internal Whether no call has started since the last pause began. */
  paused = false;
  /** @internal The runs that listen for pauses. */
  readonly watchers = new Set<PauseWatcher>();
  readonly #stall: StallWatch;

  /** @throws SluiceError `INVALID_OPTION` or `UNKNOWN_OPTION`. */
  constructor(options: GateOptions = {}) {
    checkOptions("Gate", options, gateRules);
    const { concurrency = UNLIMITED, rate, name } = options;
    checkRate("Gate", rate);
    checkConcurrency("Gate", concurrency);
    if (hasOwnRun(new.target)) throw ownRun(new.target.name);
    this.name = name;
    this.options = options;
    this.warnings = new GateWarnings(name, rate?.per ?? 0);
    this.refusals = new RefusalRules(options, this.counts, this.warnings);
    this.shared = feedOf(options, concurrency);
    this.tokenQueue = new TokenQueue(rate, this.shared);
    this.tokensAPeriod = rate?.tokens ?? UNLIMITED;
    this.scopes = scopesOn(this.tokenQueue.clock);
    this.#stall = new StallWatch(this.warnings);
    if (typeof concurrency !== "number") {
      this.semaphore = new Semaphore(concurrency.start, concurrency.max);
      this.adaptive = new AdaptiveLimit(this.semaphore, this.counts, concurrency);
    } else if (this.shared !== undefined) this.semaphore = this.shared.slots;
    else if (concurrency !== UNLIMITED) this.semaphore = new Semaphore(concurrency);
    this.shared?.open(this);
  }

  /**
   * Runs a function under the gate: it waits for a slot and permits, and tries again after a refusal. Without a wait it
   * starts synchronously.
   *
   * An abort rejects at once with the signal's reason; a function that ignores its signal keeps its slot until it ends,
   * because the vendor still processes it.
   *
   * @throws SluiceError `COST_TOO_HIGH` for more tokens than a whole period allows, `INVALID_OPTION`.
   */
  run<T>(call: (context: GateContext) => T | PromiseLike<T>, options: GateRunOptions = {}): Promise<T> {
    try {
      checkOptions("gate.run()", options, runRules);
      if (typeof call !== "function") throw invalidOption("gate.run()", "call", "a function", call);
    } catch (error) {
      return Promise.reject(error);
    }
    const { tokens = 0, signal } = options;
    const ctx = options.ctx as { [HELD]?: Held; cancellation?: Cancellation } | undefined;
    let cancellation = ctx?.cancellation;
    let own: Cancellation | undefined;
    if (signal !== undefined) {
      cancellation = own = new Cancellation().followSignal(signal);
      if (ctx?.cancellation !== undefined) own.follow(ctx.cancellation);
    }
    if (ctx === undefined) this.#stall.arrives(this);
    const request = {
      gates: [this],
      tokens,
      borrowedFrom: lend(ctx?.[HELD]),
      cancellation,
      slots: true,
      stall: ctx === undefined ? this.#stall : undefined,
      onOver: own && (() => own.release()),
    };
    return acquire(request, (grant) => callUnder(grant, call, cancellation));
  }

  /** Returns the current statistics. */
  stats(): GateStats {
    const { waiting, running, started, refused, tokens } = this.counts;
    const left = this.tokenQueue.left;
    const pause = this.tokenQueue.pause;
    return {
      running,
      waiting,
      requestsLeft: Math.floor(left.requests),
      tokensLeft: Math.floor(left.tokens),
      pausedUntil: pause > 0 ? Date.now() + pause : undefined,
      started,
      refused,
      spent: { calls: started - refused, tokens },
      limit: this.#limit,
      ...(this.shared && { blocked: this.shared.blocked }),
    };
  }

  get #limit(): number {
    const { concurrency } = this.options;
    if (this.shared !== undefined) return (concurrency as number | undefined) ?? UNLIMITED;
    return this.semaphore?.limit ?? UNLIMITED;
  }

  /** @internal */
  tryAcquire(request: AcquireRequest, carrier: SlotCarrier): Grant | undefined {
    return tryAcquire(request, carrier);
  }

  /** @internal */
  acquire<T>(
    request: AcquireRequest,
    call: (grant: Grant) => T | PromiseLike<T>,
    failed?: { readonly error: unknown },
  ): Promise<T> {
    return acquire(request, call, failed);
  }

  /** @internal The pause that a failed call requests, if any. */
  pauseAfter(error: unknown): number | undefined {
    return this.refusals.judge(error, 0)?.wait;
  }
}

/**
 * Creates the feed of a gate with shared limits.
 * @throws SluiceError `INVALID_OPTION` for a limit that cannot be shared.
 */
function feedOf({ shared, rate }: GateOptions, concurrency: unknown): SharedFeed | undefined {
  if (shared === undefined) return undefined;
  if (typeof concurrency !== "number")
    throw invalidOption("Gate", "concurrency", "a number where the limit is shared", concurrency);
  if (concurrency === UNLIMITED && rate === undefined)
    throw invalidOption("Gate", "shared", "combined with `concurrency` or `rate`, which it shares", shared);
  return shared[SHARED_LIMIT]({ concurrency, rate });
}

function ownRun(name: string): SluiceError {
  const text = `${name} overrides \`run\`, but nodes use their gates without calling \`run\`: wrap the gate in a class that does not extend Gate, or do the work in the nodes`;
  return new SluiceError("INVALID_OPTION", text);
}

/** Calls a function with its context. An abandoned function keeps its slot until it has ended. */
function callUnder<T>(
  grant: Grant,
  call: (context: GateContext) => T | PromiseLike<T>,
  cancellation: Cancellation | undefined,
): T | PromiseLike<T> {
  const context = new GateCall(grant, cancellation);
  let work: T | PromiseLike<T>;
  try {
    work = call(context);
  } catch (error) {
    context.close();
    throw error;
  }
  if (!isThenable(work)) {
    context.close();
    if (cancellation?.abandoning) throw cancellation.reason;
    return work;
  }
  const running = Promise.resolve(work as PromiseLike<T>);
  return (cancellation?.race(running) ?? running).then(
    (value) => {
      context.close();
      return value;
    },
    (error) => {
      context.close();
      if (cancellation?.abandoning) grant.linger(running);
      throw error;
    },
  );
}

Object.defineProperty(Gate.prototype, GATE, { value: true });

provideGates((where, rate) => {
  checkRate(where, rate);
  return new Gate({ rate });
});
