// The options that nodes take: their rules, and the checked form that the engine uses.

import { SluiceError } from "../base/errors.js";
import { aCount, aFunction, anObject, aString, aTimeout, type Rule, strings } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import type { Passable } from "../gate/acquire.js";
import { Gate, isGate } from "../gate/gate.js";
import { checkRate, type Rate } from "../gate/rate.js";
import { isQuotaExhausted } from "../gate/retry-after.js";
import { aBackoff, type Backoff, checkBackoff } from "./backoff.js";

/** The keys of a store; any, of one that nothing is known of. */
type KeyOf<S> = unknown extends S ? string : keyof S & string;

/** The options that every node takes. */
export interface BaseOptions<S = Untyped> {
  /** What errors, events and diagrams call it. @default the name of the class */
  readonly name?: string | undefined;
  /** Keys that the store must have before `prep` is called. */
  readonly requires?: readonly KeyOf<NoInfer<S>>[] | undefined;
}

/** The options that decide how a call is tried. */
export interface RetryOptions {
  /** Total tries. @default 1 */
  readonly attempts?: number | undefined;
  /** The wait between tries. @default 0 */
  readonly backoff?: Backoff | undefined;
  /**
   * Whether an error is worth another try.
   *
   * @default every error but an exhausted quota (`insufficient_quota`) and sluice's own; a `TIMEOUT` is tried again
   */
  readonly retryIf?: ((error: unknown) => boolean | PromiseLike<boolean>) | undefined;
  /** Milliseconds for each attempt, from the moment `exec` starts, not while it queues. @default no limit */
  readonly timeout?: number | undefined;
}

/** The checked form of a node's options, as the engine uses it. */
export interface Settings {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly retryIf: (error: unknown) => boolean | PromiseLike<boolean>;
  readonly timeout: number | undefined;
  readonly gates: readonly Passable[];
  /** No further attempts, no timeout, no gates: the call is made as it is. */
  readonly singleAttempt: boolean;
}

/** The rules for {@link RetryOptions}. */
const retryRules: Record<string, Rule> = {
  attempts: aCount,
  backoff: aBackoff,
  retryIf: aFunction,
  timeout: aTimeout,
};

/** The options of a {@link Node}. */
export interface NodeOptions<S = Untyped> extends BaseOptions<S>, RetryOptions {
  /** A gate to share with other nodes; `exec` holds one of its slots while it runs. */
  readonly gate?: Gate | undefined;
  /** A rate for this node alone; with `gate`, both hold. */
  readonly rate?: Rate | undefined;
}

export const baseRules: Record<string, Rule> = { name: aString, requires: strings };

/** The rules of options that lead to a result: attempts, timeout, gates. */
export const nodeRules: Record<string, Rule> = {
  ...baseRules,
  ...retryRules,
  gate: { expected: "a Gate", accepts: isGate },
  rate: anObject,
};

/** Options of others, and what to write here. */
export const INSTEAD: Readonly<Record<string, string>> = {
  maxRetries: "PocketFlow's `maxRetries: n` is written `attempts: n` here (total tries, as there)",
  max_retries: "PocketFlow's `max_retries=n` is written `attempts: n` here (total tries, as there)",
  wait: "PocketFlow's `wait: s` is written `backoff: ms` here (milliseconds, not seconds)",
  retry: "write `attempts`, the total number of tries: one more than the retries",
  retries: "write `attempts`, the total number of tries: one more than the retries",
  concurrency: "only the parallel classes take it: AsyncParallelBatchNode or AsyncParallelBatchFlow",
};

/** The default of `retryIf`: a mistake in the program or an empty account would only fail again. */
function worthARetry(error: unknown): boolean {
  try {
    return error instanceof SluiceError ? error.code === "TIMEOUT" : !isQuotaExhausted(error);
  } catch {
    return true; // an error that throws when it is looked at says nothing against another try
  }
}

export function settingsOf(where: string, options: NodeOptions): Settings {
  const { attempts = 1, backoff = 0, retryIf = worthARetry, timeout, gate, rate } = options;
  checkBackoff(where, backoff);
  checkRate(where, rate);
  const gates = [...(gate === undefined ? [] : [gate]), ...(rate === undefined ? [] : [new Gate({ rate })])];
  const singleAttempt = attempts === 1 && timeout === undefined && gates.length === 0;
  return { attempts, backoff, retryIf, timeout, gates, singleAttempt };
}

export const NO_SETTINGS = settingsOf("", {});
