// The receiving side of executors: runs a call that another process has sent, with the attempts, gates and `exec` of
// the same node here. Only receivers load this module.
import { raced } from "../base/cancellation.js";
import { now } from "../base/clock.js";
import { SluiceError } from "../base/errors.js";
import { NODE } from "../base/keys.js";
import { type Named, nameOf } from "../base/name.js";
import { emitter } from "../observe/emitter.js";
import { attemptHere } from "./attempts.js";
import type { Params } from "./context.js";
import { type Call, call } from "./execute.js";
import { checkShared } from "./executor.js";
import { RecordedAttempts } from "./executor-call.js";
import type { AttemptReport } from "./executor-reports.js";
import { Run } from "./run.js";
import { Scope } from "./scope.js";
import { NO_SETTINGS, type Settings } from "./settings.js";
import type { Step } from "./step.js";

/** A sent call, as plain data. */
export interface SentCall {
  readonly runId: string;
  /** As {@link ExecutorCall} has them. */
  readonly key: string;
  readonly path: readonly (string | number)[];
  readonly index: number | undefined;
  readonly params: Params;
  readonly input: unknown;
  /** The part of `idempotencyKey` beside the run's id. */
  readonly identity: string;
  /** Whether to report each attempt. */
  readonly isWatched: boolean;
  /** Whether to count usage. */
  readonly isMetered: boolean;
}

/** The options of {@link makeSentCall}. */
export interface SentCallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly drain?: AbortSignal | undefined;
  /** Called when `exec` emits. */
  readonly emit: (data: unknown) => void;
}

/** The outcome of a sent call. */
export type SentOutcome = {
  readonly attempts: number | readonly AttemptReport[];
  readonly charged: number | undefined;
} & (
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "error"; readonly error: unknown }
  /** It asks a person, which only the run that sent it can do. */
  | { readonly kind: "asks" }
  /** It was drained, or aborted. */
  | { readonly kind: "undone" }
);

/** Runs a sent call. Never rejects. */
export async function makeSentCall(
  node: Step,
  sent: SentCall,
  { signal, drain, emit }: SentCallOptions,
): Promise<SentOutcome> {
  const events = emitter();
  const reports: ReportWithEnd[] = [];
  const usage = { calls: 0, tokens: 0 };
  events.on("data", ({ data }) => emit(data));
  if (sent.isWatched) {
    events.on("attempt", (event) => {
      if (event.phase === "start") return;
      const { at, duration, error, wait } = event;
      reports.push({ at, duration, error, wait });
    });
  }
  if (sent.isMetered) events.on("usage", ({ calls, tokens }) => Object.assign(usage, { calls, tokens }));
  let asks = false;
  const ask = () => {
    asks = true;
    run.halt(new SluiceError("NOBODY_TO_ASK", "A question goes back to the run that sent the call"), "now");
    return new Promise(() => {});
  };
  const { runId, params } = sent;
  // Without a signal a question could not end the run.
  const run = new Run({ runId, params, events, drain, ask, signal: signal ?? new AbortController().signal });
  run.settles(ignore, ignore);
  const own = new RecordedAttempts(undefined, undefined, sent.identity);
  const details = () => {
    const isCounted = sent.isMetered && own.attempts > 0;
    return {
      attempts: sent.isWatched ? reports.map(withAge) : isCounted ? usage.calls : own.attempts,
      charged: isCounted ? usage.tokens : own.tokensCharged,
    };
  };
  try {
    await run.yields.yieldIfDue();
    run.cancellation?.throwIfDraining();
    const scope = new SentScope(run, sent);
    const settings = sharedOnly(node, node[NODE].settings);
    const { input, index } = sent;
    const job: Call = { node: node as never, settings, scope, input, index, step: 1, own };
    const value = await raced(attemptHere(job), run.cancellation);
    return asks ? { kind: "asks", ...details() } : { kind: "value", value, ...details() };
  } catch (error) {
    if (asks) return { kind: "asks", ...details() };
    if (run.cancellation?.draining) return { kind: "undone", ...details() };
    return { kind: "error", error, ...details() };
  } finally {
    run.succeeded(undefined);
  }
}

/** One attempt of a call whose retries run in another process, as plain data. */
export interface SentAttempt extends SentCall {
  readonly attempt: number;
  readonly lastError: unknown;
}

/** Receives what `exec` does with its context. */
export interface SentAttemptHost {
  emit(data: unknown): void;
  charge(tokens: number): void;
}

/** Calls `exec` of a node once, without its attempts, gates, timeout and fallback. */
export async function makeSentAttempt(
  node: Step,
  sent: SentAttempt,
  host: SentAttemptHost,
): Promise<unknown> {
  const { runId, params, input, index, attempt, lastError } = sent;
  const events = emitter();
  events.on("data", ({ data }) => host.emit(data));
  const run = new Run({ runId, params, events });
  run.settles(ignore, ignore);
  const own = new RecordedAttempts(undefined, undefined, sent.identity);
  const scope = new SentScope(run, sent);
  const job: Call = { node: node as never, settings: NO_SETTINGS, scope, input, index, step: 1, own };
  const ctx = own.context(job, attempt);
  if (lastError !== undefined) ctx.follows(lastError);
  try {
    return await call(job, ctx, undefined);
  } finally {
    if (own.tokensCharged !== undefined) host.charge(own.tokensCharged);
    run.succeeded(undefined);
  }
}

const ignore = () => {};

interface ReportWithEnd extends Omit<AttemptReport, "ago"> {
  /** The time of its end. */
  readonly at: number;
}

const withAge = ({ at, duration, error, wait }: ReportWithEnd): AttemptReport => ({
  ago: now() - at + duration,
  duration,
  error,
  wait,
});

/** Settings whose gates must be shared, including gates chosen per call. */
function sharedOnly(node: Step, settings: Settings): Settings {
  const { gates, chooseGate } = settings;
  const where = nameOf(node);
  checkShared(where, gates);
  if (chooseGate === undefined) return settings;
  return {
    ...settings,
    chooseGate: (input, ctx) => {
      const gate = chooseGate(input, ctx);
      if (gate !== undefined) checkShared(where, [gate]);
      return gate;
    },
  };
}

/** The place of a call in a run of another process. */
class SentScope extends Scope {
  readonly #sent: SentCall;

  constructor(run: Run, sent: SentCall) {
    super(run);
    this.#sent = sent;
  }

  override path(_node: Named): (string | number)[] {
    return [...this.#sent.path];
  }

  override keyOf(): string {
    return this.#sent.key;
  }
}
