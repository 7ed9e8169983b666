// Attempts: what one call of `exec` (or of a flow's walk) goes through until it has a result or has failed.

import { Cancellation, sleep } from "./abort.js";
import { waitAfter } from "./backoff.js";
import { locate, quote, SluiceError, show } from "./errors.js";
import { letGo } from "./gate/held.js";
import { type Passage, type Permit, pass, passNow } from "./gate/pass.js";
import type { Settings } from "./node-options.js";
import { isAmount } from "./options.js";
import { type Scope, StepContext } from "./scope.js";
import { isThenable } from "./thenable.js";
import type { Worker } from "./worker.js";

/** The hooks of a node that attempts call. */
export interface Tried {
  readonly name: string;
  cost?(input: unknown): number | PromiseLike<number>;
  execFallback(input: unknown, error: unknown, ctx: StepContext): unknown;
}

/** One piece of work to be tried: a leaf `exec` with its input, or a walk. */
export interface Job {
  readonly node: Tried;
  readonly settings: Settings;
  readonly scope: Scope;
  readonly input: unknown;
  readonly index: number | undefined;
  /** A leaf holds no reference to the store: it takes slots, and may be abandoned when it ignores its signal. */
  readonly leaf: boolean;
  readonly worker?: Worker | undefined;
  perform(ctx: StepContext): unknown;
  /** Tells of the last attempt that it failed, and what comes after. */
  tell?: ((after?: { readonly wait: number | undefined }) => void) | undefined;
}

/**
 * The context for a first attempt at an item that need not wait for anything; `undefined` when it must go the
 * long way. Most attempts need no more, and cost no promise of ours. What the attempt throws goes to
 * {@link attempt} as `failed`.
 */
export function contextNow(
  node: Tried,
  { gates, timeout }: Settings,
  scope: Scope,
  input: unknown,
  index: number,
  worker: Worker,
): StepContext | undefined {
  if (timeout !== undefined) return undefined;
  worker.tries = 0; // by which a failure is known to need attempt() yet
  const ctx = new StepContext(scope, node, index, 0, worker);
  if (gates.length > 0) {
    worker.cost = undefined;
    worker.cost = node.cost === undefined ? 0 : node.cost(input);
    if (!isAmount(worker.cost)) return undefined;
    const { run, cancellation } = scope;
    const tokens = worker.cost;
    if (worker.passage?.tokens !== tokens) {
      worker.passage = { gates, tokens, around: run.held, cancellation, slots: true, keep: worker };
    }
    worker.permit = passNow(worker.passage as Passage, worker);
    if (worker.permit === undefined) return undefined;
    ctx.hold(worker.permit);
  }
  return ctx;
}

/**
 * Tries a job until it succeeds, its attempts are used up, or it is aborted; then the fallback decides.
 *
 * @param failed - What the first attempt threw, if it was made already.
 */
export const attempt = (job: Job, failed?: { readonly error: unknown }): Promise<unknown> =>
  job.scope.run.watch === undefined ? tryAll(job, failed) : tryAll(job, failed).finally(() => told(job));

async function tryAll(job: Job, failed: { readonly error: unknown } | undefined): Promise<unknown> {
  const { node, scope, index, leaf, worker } = job;
  const { turns } = scope.run;
  for (let number = 0; ; number++) {
    scope.cancellation?.throwIfAborted();
    if (worker !== undefined) worker.tries = number + 1;
    try {
      const result = await tryOnce(job, number, number === 0 ? failed : undefined);
      scope.cancellation?.throwIfAborted();
      return result;
    } catch (error) {
      scope.cancellation?.throwIfAborted();
      // A walk's failure was located where it happened, unless it is the walk's own timeout.
      if (leaf || locate(error) === undefined) scope.locate(error, node, index, number);
      if (error === scope.run.exceeded) throw error;
      if (worker !== undefined) letGo(worker, scope.run.held); // only `exec` itself holds a slot
      const wait = await waitBefore(job, error, number);
      told(job, wait);
      scope.cancellation?.throwIfAborted();
      if (wait === undefined) return recover(job, error, number);
      if (wait > 0) await sleep(wait, scope.cancellation, leaf ? () => {} : undefined);
      else if (--turns.stepsToClock <= 0) {
        for (let turn = turns.breathe(); turn !== undefined; turn = turns.again()) await turn;
      }
    }
  }
}

/** The wait before another attempt, in ms; `undefined` when there is none. */
async function waitBefore({ node, settings, scope, index }: Job, error: unknown, number: number) {
  if (number + 1 >= settings.attempts) return undefined;
  try {
    if (!(await settings.retryIf(error))) return undefined;
    scope.cancellation?.throwIfAborted();
    return await waitAfter(settings.backoff, number, error, node.name);
  } catch (failure) {
    scope.locate(failure, node, index, number);
    throw failure;
  }
}

/** Tells what comes after an attempt that failed, if that was not told yet. */
function told(job: Job, wait?: number): void {
  job.tell?.({ wait });
  job.tell = undefined;
}

async function recover({ node, scope, input, index }: Job, error: unknown, number: number): Promise<unknown> {
  const ctx = new StepContext(scope, node, index, number);
  try {
    return await node.execFallback(input, error, ctx);
  } catch (failure) {
    if (failure !== error) scope.locate(failure, node, index, number);
    throw failure;
  } finally {
    ctx.close();
  }
}

function passageOf(job: Job, tokens: number): Passage {
  const { node, settings, scope, leaf, worker, index } = job;
  const { gates } = settings;
  const { watch, held } = scope.run;
  return {
    gates,
    tokens,
    around: held,
    cancellation: scope.cancellation,
    slots: leaf,
    keep: worker,
    log: watch?.gateLog(gates, (at) => scope.about(node, at, index)),
    refused: watch && ((pause) => told(job, pause)),
  };
}

async function tryOnce(
  job: Job,
  number: number,
  failed: { readonly error: unknown } | undefined,
): Promise<unknown> {
  const { node, settings, scope, index } = job;
  if (settings.gates.length === 0) {
    if (failed !== undefined) throw failed.error;
    return perform(job, new StepContext(scope, node, index, number));
  }
  let tokens = 0;
  try {
    if (node.cost !== undefined) tokens = await costOf(job, number);
  } catch (error) {
    scope.locate(error, node, index, number);
    throw error;
  }
  const start = (permit: Permit) => {
    const ctx = new StepContext(scope, node, index, number);
    ctx.hold(permit);
    return perform(job, ctx, permit);
  };
  return pass(passageOf(job, tokens), start, failed);
}

/** Calls the work itself, wrapped where somebody watches. */
function perform(job: Job, ctx: StepContext, permit?: Permit): Promise<unknown> {
  const { node, scope, leaf, settings, input } = job;
  const { watch } = scope.run;
  // The walk of a flow that is not tried as such is no attempt.
  if (watch === undefined || !(leaf || !settings.simple)) return call(job, ctx, permit);
  return watch.wrap({
    kind: "attempt",
    node,
    place: scope,
    index: ctx.index,
    attempt: ctx.attempt,
    input,
    leaf,
    more: () => ({ wait: undefined }),
    failed: (tell) => {
      job.tell = tell;
    },
    perform: () => call(job, ctx, permit),
  });
}

/** Calls the work itself, under the timeout if there is one. */
async function call(job: Job, ctx: StepContext, permit?: Permit): Promise<unknown> {
  const { timeout } = job.settings;
  if (timeout === undefined) {
    try {
      return await job.perform(ctx);
    } finally {
      ctx.close();
    }
  }
  const deadline = new Cancellation(true);
  if (job.scope.cancellation !== undefined) deadline.follow(job.scope.cancellation);
  ctx.limit(deadline);
  const { name } = job.node;
  const timer = setTimeout(() => {
    deadline.abort(
      new SluiceError("TIMEOUT", `${quote(name)} took longer than its \`timeout: ${timeout}\` ms`),
      true,
    );
  }, timeout);
  let work: Promise<unknown> | undefined;
  try {
    work = Promise.resolve(job.perform(ctx));
    const result = await (job.leaf ? deadline.race(work) : work);
    deadline.throwIfAborted();
    return result;
  } finally {
    clearTimeout(timer);
    deadline.release();
    ctx.close(deadline.aborted);
    if (deadline.aborted && job.leaf && work !== undefined) permit?.linger(work);
  }
}

/** The tokens to reserve; a first attempt may have asked for them already. */
async function costOf({ node, scope, input, worker }: Job, number: number): Promise<number> {
  const asked = number === 0 ? worker?.cost : undefined;
  if (worker !== undefined) worker.cost = undefined;
  let tokens: unknown = asked ?? node.cost?.(input);
  if (isThenable(tokens)) {
    if (worker !== undefined) letGo(worker, scope.run.held);
    tokens = await tokens;
  }
  if (isAmount(tokens)) return tokens;
  throw new SluiceError(
    "INVALID_COST",
    `${quote(node.name)}: expected cost() to return tokens as a finite number from 0 up, got ${show(tokens)}`,
  );
}
