// The only module that calls `exec`. The long path comes through attempts.ts; the two short paths at the top are for
// first attempts without retries, gates or hooks.
import { type Awaitable, after, isThenable } from "../base/awaitable.js";
import { Cancellation, raced } from "../base/cancellation.js";
import { now } from "../base/clock.js";
import { quote, SluiceError } from "../base/errors.js";
import { nameOf } from "../base/name.js";
import { isAmount } from "../base/options.js";
import type { AcquireRequest } from "../gate/acquire-request.js";
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

/** A node whose `exec` has no reference to the store: it takes slots, and may be abandoned. */
export interface Leaf extends Tried {
  exec(input: unknown, ctx: StepContext): unknown;
}

/** Overrides for attempts that an executor runs in this process. */
export interface OwnAttempts {
  /** Replaces the node's `exec`. */
  readonly exec: ((input: unknown, ctx: StepContext) => unknown) | undefined;
  /** The result of `cost()`, if it was called before the call was sent. */
  readonly tokens: number | undefined;
  /** Creates the context of the attempt of this number, or of its fallback. */
  context(job: Job, number: number): StepContext;
}

/** One job to be tried. */
interface Work {
  readonly settings: Settings;
  readonly scope: Scope;
  readonly input: unknown;
  readonly index: number | undefined;
  /** The number of its step in its walk, from 1. */
  readonly step: number;
  readonly worker?: Worker | undefined;
  /** The overrides, if an executor runs the attempts here. */
  readonly own?: OwnAttempts | undefined;
  /** Reports the failure of the last attempt and the wait that follows; written by the attempt. */
  report?: ((after?: { readonly wait: number | undefined }) => void) | undefined;
}

/** The `exec` of a leaf. */
export interface Call extends Work {
  readonly node: Leaf;
  readonly walk?: undefined;
}

/** The walk of a flow, which is always awaited, because it can access the store. */
export interface Trip extends Work {
  readonly node: Tried;
  walk(ctx: StepContext): unknown;
}

export type Job = Call | Trip;

/**
 * The short path of a node without attempts, timeout, gate and meter: calls `exec` with the context of `prep`. If its
 * promise rejects, {@link recoverOnce} is next; a synchronous error is handled as a rejection.
 */
export function executeOnce(node: Leaf, input: unknown, ctx: StepContext): unknown {
  try {
    return raced(node.exec(input, ctx), ctx.scope.cancellation);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The fallback of a node on the short path. */
export function recoverOnce(node: Leaf, input: unknown, error: unknown, ctx: StepContext): unknown {
  const { cancellation } = ctx.scope;
  cancellation?.throwIfDraining(); // a run that is ending does not decide a failure
  return raced(node.execFallback(input, error, ctx), cancellation);
}

/** The first attempt of an item without gates and hooks. An error of `exec` is passed to the attempts as `failed`. */
export function executeItem(
  node: Leaf,
  scope: Scope,
  input: unknown,
  index: number,
  worker: Worker,
): unknown {
  worker.tries = 0; // marks that a failure still has attempts
  return node.exec(input, new StepContext(scope, node, index, 0, 1, worker));
}

/** The result of {@link startItem} for an item that must take the long path. */
export const NOT_STARTED = Symbol("not started");

/**
 * The short path of an item's first attempt, also through a gate without a wait: most attempts need no more, and the
 * engine makes no promise for them. An error of `exec` is passed to the attempts as `failed`.
 */
export function startItem(
  node: Leaf,
  { gates, runsInline }: Settings,
  scope: Scope,
  input: unknown,
  index: number,
  worker: Worker,
): unknown {
  worker.tries = 0; // marks that a failure still has attempts
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
  gate.entered++; // as `enter` does, without a closure for each call
  try {
    return node.exec(input, ctx);
  } finally {
    gate.entered--;
  }
}

/**
 * Calls `exec` or walks, with the timeout if there is one. For the hooks around it, an abandoned `exec` ends here; its
 * slots stay taken until it has really ended, because the vendor still processes it.
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
    if (ctx.setAside !== undefined) throw ctx.setAside; // a result of `exec` after its abort is not used
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

/** The object whose `exec` is called. */
const calledOf = ({ own, node }: Call) => (own?.exec ? own : node) as Leaf;

/** A timer can fire this many ms early, measured by this clock. */
const EARLY = 2;

/** The level of cancellation of an attempt with a timeout. */
class Deadline {
  readonly level = new Cancellation(true);
  /** Whether it has ended; written by `end`. */
  #over = false;
  readonly #job: Job;
  readonly #timeout: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Milliseconds left at #since; written by #start and `pause`. */
  #left: number;
  #since = 0;
  /** The number of open questions; written by `pause`. */
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

  /** Pauses the clock during a question, and returns a function that resumes it. */
  pause(): () => void {
    if (this.#pauses++ === 0) {
      clearTimeout(this.#timer);
      this.#left -= now() - this.#since;
    }
    return () => {
      if (--this.#pauses === 0 && !this.#over) this.#start();
    };
  }

  /** Checks the clock, because an `exec` that blocks the event loop keeps the timer from firing. */
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
