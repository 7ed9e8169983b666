// The place of `exec`: the one module that calls it. On the long road it is reached through attempts.ts; the two short
// roads at the top are for first attempts that need nothing of that.
import { type Awaitable, after, isThenable } from "../base/awaitable.js";
import { Cancellation, raced } from "../base/cancellation.js";
import { now } from "../base/clock.js";
import { quote, SluiceError } from "../base/errors.js";
import { nameOf } from "../base/name.js";
import { isAmount } from "../base/options.js";
import type { AcquireRequest } from "../gate/acquire-request.js";
import { enter } from "../gate/enter.js";
import type { Grant } from "../gate/grant.js";
import type { Scope } from "./scope.js";
import type { Settings } from "./settings.js";
import { StepContext } from "./step-context.js";
import type { Worker } from "./worker.js";

/** The hooks that attempts call. */
export interface Tried {
  readonly name: string;
  cost?(input: unknown): Awaitable<number>;
  execFallback(input: unknown, error: unknown, ctx: StepContext): unknown;
}

/** A node whose `exec` holds no reference to the store: it takes slots, and may be abandoned. */
export interface Leaf extends Tried {
  exec(input: unknown, ctx: StepContext): unknown;
}

/** What stands around attempts that an executor lets run here. */
export interface OwnAttempts {
  /** In place of the node's. */
  readonly exec: ((input: unknown, ctx: StepContext) => unknown) | undefined;
  /** What `cost()` gave, where it was called before the call was sent. */
  readonly tokens: number | undefined;
  /** Makes the context of the attempt of this number, or of its fallback. */
  context(job: Job, number: number): StepContext;
}

/** One piece of work to be tried. */
interface Work {
  readonly settings: Settings;
  readonly scope: Scope;
  readonly input: unknown;
  readonly index: number | undefined;
  /** The number of its step in its walk, from 1. */
  readonly step: number;
  readonly worker?: Worker | undefined;
  /** Of attempts that an executor lets run here. */
  readonly own?: OwnAttempts | undefined;
  /** Reports that the last attempt has failed, and what comes after; written by the attempt. */
  report?: ((after?: { readonly wait: number | undefined }) => void) | undefined;
}

/** The `exec` of a leaf. */
export interface Call extends Work {
  readonly node: Leaf;
  readonly walk?: undefined;
}

/** The walk of a flow, which is awaited in any case, since it may touch the store. */
export interface Trip extends Work {
  readonly node: Tried;
  walk(ctx: StepContext): unknown;
}

export type Job = Call | Trip;

/**
 * The short road of a node without attempts, timeout, gate and meter: calls `exec` with the context that `prep` had. If
 * what it returns rejects, {@link recoverOnce} is next; what it throws at once is a rejection too.
 */
export function executeOnce(node: Leaf, input: unknown, ctx: StepContext): unknown {
  try {
    return raced(node.exec(input, ctx), ctx.scope.cancellation);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The fallback of a node on the short road. */
export function recoverOnce(node: Leaf, input: unknown, error: unknown, ctx: StepContext): unknown {
  const { cancellation } = ctx.scope;
  cancellation?.throwIfDraining(); // a failure of a run that ends is not decided
  return raced(node.execFallback(input, error, ctx), cancellation);
}

/**
 * The first attempt of an item that needs nothing around it. What `exec` throws goes to the attempts as `failed`.
 */
export function executeItem(
  node: Leaf,
  scope: Scope,
  input: unknown,
  index: number,
  worker: Worker,
): unknown {
  worker.tries = 0; // by which a failure is known to need attempts yet
  return node.exec(input, new StepContext(scope, node, index, 0, 1, worker));
}

/** What {@link startItem} gives for an item that must take the long road. */
export const NOT_STARTED = Symbol("not started");

/**
 * The short road of an item's first attempt, also through a gate that need not be waited for: most attempts need no
 * more, and cost no promise of ours. What `exec` throws goes to the attempts as `failed`.
 */
export function startItem(
  node: Leaf,
  { gates, runsInline }: Settings,
  scope: Scope,
  input: unknown,
  index: number,
  worker: Worker,
): unknown {
  worker.tries = 0; // by which a failure is known to need attempts yet
  const { meter, journal } = scope.run;
  if (!runsInline || meter !== undefined || journal !== undefined) return NOT_STARTED;
  const gate = gates[0];
  if (gate === undefined) return executeItem(node, scope, input, index, worker);
  const ctx = new StepContext(scope, node, index, 0, 1, worker);
  worker.cost = undefined;
  worker.cost = node.cost === undefined ? 0 : node.cost(input);
  if (!isAmount(worker.cost)) return NOT_STARTED;
  const tokens = worker.cost;
  if (worker.request?.tokens !== tokens) {
    const { run, cancellation } = scope;
    worker.request = { gates, tokens, borrowedFrom: run.held, cancellation, slots: true, carrier: worker };
  }
  worker.grant = gate.tryAcquire(worker.request as AcquireRequest, worker);
  if (worker.grant === undefined) return NOT_STARTED;
  ctx.hold(worker.grant);
  return enter(gates, () => node.exec(input, ctx));
}

/**
 * Calls `exec` or walks, under the timeout if there is one. An `exec` that is abandoned ends for the hooks around it
 * here; its slots stay taken until it has really ended, for the vendor is still busy with it.
 */
export function call(job: Job, ctx: StepContext, grant: Grant | undefined): unknown {
  const { settings, walk } = job;
  const deadline = settings.timeout === undefined ? undefined : new Deadline(job, settings.timeout);
  if (deadline !== undefined) ctx.limit(deadline);
  const { cancellation } = ctx;
  let work: unknown;
  const end = () => {
    deadline?.end();
    const abandoned = cancellation?.abandoning === true && walk === undefined;
    ctx.close(abandoned);
    if (abandoned && isThenable(work)) grant?.linger(work);
    if (ctx.setAside !== undefined) throw ctx.setAside; // what an `exec` makes of that is not taken
  };
  try {
    work = job.walk === undefined ? calledOf(job).exec(job.input, ctx) : job.walk(ctx);
  } catch (error) {
    end();
    cancellation?.throwIfAborted();
    throw error;
  }
  return after(
    walk === undefined ? raced(work, cancellation) : work,
    (result) => {
      deadline?.check();
      end();
      cancellation?.throwIfAborted();
      return result;
    },
    (error) => {
      end();
      throw error;
    },
  );
}

/** What has the `exec` of a call. */
const calledOf = ({ own, node }: Call) => (own?.exec ? own : node) as Leaf;

/** A timer may fire this many ms early, by the clock that measures it here. */
const EARLY = 2;

/** The level of cancellation of an attempt with a timeout. */
class Deadline {
  readonly level = new Cancellation(true);
  /** Set by `end`. */
  #over = false;
  readonly #job: Job;
  readonly #timeout: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Ms that are left, at #since; written by #start and `pause`. */
  #left: number;
  #since = 0;
  /** Questions that are open; counted by `pause`. */
  #pauses = 0;

  constructor(job: Job, timeout: number) {
    this.#job = job;
    this.#timeout = timeout;
    if (job.scope.cancellation !== undefined) this.level.follow(job.scope.cancellation);
    this.#left = timeout;
    this.#start();
  }

  #start(): void {
    this.#since = now();
    this.#timer = setTimeout(() => this.#fire(), this.#left);
  }

  /** Stops the clock while a person is asked, and gives what lets it go on. */
  pause(): () => void {
    if (this.#pauses++ === 0) {
      clearTimeout(this.#timer);
      this.#left -= now() - this.#since;
    }
    return () => {
      if (--this.#pauses === 0 && !this.#over) this.#start();
    };
  }

  /** An `exec` that blocked the event loop past its timeout has kept the timer from firing. */
  check(): void {
    if (this.#pauses === 0 && now() - this.#since > this.#left + EARLY) this.#fire();
  }

  #fire(): void {
    const text = `${quote(nameOf(this.#job.node))} took longer than its \`timeout: ${this.#timeout}\` ms`;
    this.level.abort(new SluiceError("TIMEOUT", text), true);
  }

  end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.level.release();
  }
}
