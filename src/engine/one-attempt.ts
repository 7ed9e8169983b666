// One attempt: the cost, the budget, gates and `around` hooks before the call.
import { type Awaitable, isThenable } from "../base/awaitable.js";
import { raced } from "../base/cancellation.js";
import { invalidOption, quote, SluiceError, show } from "../base/errors.js";
import { nameOf } from "../base/name.js";
import { anAmount, isAmount } from "../base/options.js";
import type { AcquireRequest } from "../gate/acquire-request.js";
import { isGate } from "../gate/brand.js";
import type { Grant } from "../gate/grant.js";
import type { Passable } from "../gate/passable.js";
import { readRefusal } from "../gate/refusal.js";
import { call, type Job } from "./execute.js";
import { StepContext } from "./step-context.js";

/** The error of a first attempt on the short path. */
export type Failed = { readonly error: unknown };

/**
 * Whether the fan-out races its items against the abort: then an abandoned wait need not settle, which would take 17 us
 * each (170 ms for 10,000).
 */
export const isRaced = ({ walk, worker, scope }: Job): boolean =>
  walk === undefined && worker !== undefined && scope.run.watch === undefined;

/** Reports what follows a failed attempt, if that was not reported yet. */
export function report(job: Job, wait?: number): void {
  job.report?.({ wait });
  job.report = undefined;
}

/** Executes one attempt. */
export function tryOnce(job: Job, number: number, lastError: unknown, failed: Failed | undefined): unknown {
  const { settings, scope, walk } = job;
  const isMetered = walk === undefined && scope.run.meter !== undefined;
  if (settings.isGated || isMetered) return tryMetered(job, number, lastError, failed);
  if (failed !== undefined) throw failed.error;
  return callExec(job, contextOf(job, number, lastError));
}

/** Creates the context of an attempt, or of its fallback. */
export function contextOf(job: Job, number: number, lastError?: unknown): StepContext {
  const { node, scope, index, step, own } = job;
  const ctx = own?.context(job, number) ?? new StepContext(scope, node, index, number, step);
  if (lastError !== undefined) ctx.follows(lastError);
  return ctx;
}

/** Executes an attempt with a budget or gates. A call that is repeated after a refusal gets a new context. */
async function tryMetered(
  job: Job,
  number: number,
  lastError: unknown,
  failed: Failed | undefined,
): Promise<unknown> {
  const { node, scope, index, walk, worker } = job;
  const first = contextOf(job, number, lastError);
  let tokens = 0;
  let gates: readonly Passable[];
  try {
    if (node.cost !== undefined) tokens = await costOf(job);
    gates = gatesOf(job, first);
  } catch (error) {
    scope.locate(error, node, index, number);
    throw error;
  }
  const { cancellation, run } = scope;
  const fields = () => scope.eventFields(node, undefined, index);
  // A worker that kept its slots while waiting for the budget could block the calls that return tokens.
  if (run.meter !== undefined) worker?.releaseSlots(run.held);
  const reservation =
    walk === undefined ? await run.meter?.reserve(tokens, cancellation, fields, run.host) : undefined;
  let wasMade = false;
  let next: StepContext | undefined = first;
  const start = (grant?: Grant) => {
    const ctx = next ?? contextOf(job, number, lastError);
    next = undefined;
    wasMade = true;
    if (grant !== undefined) ctx.hold(grant);
    if (reservation !== undefined) ctx.reserve(reservation);
    return callExec(job, ctx, grant) as Awaitable<unknown>;
  };
  const refused = () => {
    wasMade = false;
  };
  // An abandoned wait need not settle, and then the code below never runs.
  const over = () => {
    if (cancellation?.abandoning) reservation?.end(wasMade);
  };
  try {
    cancellation?.throwIfDraining();
    const [gate] = gates;
    return await (gate?.acquire(requestOf(job, gates, tokens, refused, over), start, failed) ?? start());
  } catch (error) {
    if (readRefusal(error) !== undefined) wasMade = false;
    throw error;
  } finally {
    reservation?.end(wasMade);
  }
}

function requestOf(
  job: Job,
  gates: readonly Passable[],
  tokens: number,
  onRefusal: () => void,
  onOver: () => void,
): AcquireRequest {
  const { node, scope, index, worker, walk, settings } = job;
  const { watch, held } = scope.run;
  return {
    gates,
    tokens,
    borrowedFrom: held,
    cancellation: scope.cancellation,
    slots: walk === undefined,
    // A worker carries its slots to the next item, which has the same gates unless a function chooses them.
    carrier: settings.chooseGate === undefined ? worker : undefined,
    log: watch?.gateLog((at) => scope.eventFields(node, at, index)),
    refused: (pause) => {
      onRefusal();
      if (watch !== undefined) report(job, pause);
    },
    raced: isRaced(job),
    onOver,
  };
}

/** The gates of one attempt. */
function gatesOf({ node, settings, input }: Job, ctx: StepContext): readonly Passable[] {
  const { gates, chooseGate } = settings;
  if (chooseGate === undefined) return gates;
  const chosen: unknown = chooseGate(input, ctx);
  if (chosen === undefined) return gates;
  if (isGate(chosen)) return [chosen as unknown as Passable, ...gates];
  throw invalidOption(quote(nameOf(node)), "gate", "a function that returns a Gate or undefined", chosen);
}

/** Makes the call, wrapped in hooks if the run is watched. */
function callExec(job: Job, ctx: StepContext, grant?: Grant): unknown {
  const { node, scope, walk, settings, input } = job;
  const { watch } = scope.run;
  // The walk of a flow without retry options is not an attempt.
  if (watch === undefined || (walk !== undefined && settings.singleAttempt)) return call(job, ctx, grant);
  return watch.wrap({
    kind: "attempt",
    node,
    place: scope,
    index: ctx.index,
    attempt: ctx.attempt,
    input,
    more: () => ({ wait: undefined }),
    failed: (report) => {
      job.report = report;
    },
    execute: (span) => {
      ctx.watched(span);
      return call(job, ctx, grant);
    },
  });
}

/** The tokens to reserve; the short path may have called `cost()` already. */
export async function costOf(job: Job): Promise<number> {
  const { node, scope, input, worker, own } = job;
  let tokens: unknown = own?.tokens ?? worker?.takeCost() ?? node.cost?.(input);
  if (isThenable(tokens)) {
    worker?.releaseSlots(scope.run.held);
    tokens = await raced(tokens, scope.cancellation);
  }
  if (isAmount(tokens)) return tokens;
  throw new SluiceError(
    "INVALID_COST",
    `${quote(nameOf(node))}: expected cost() to return tokens as ${anAmount.expected}, got ${show(tokens)}`,
  );
}
