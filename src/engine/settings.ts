// The options that nodes take: their rules, and the checked form that the engine uses.

import { invalidOption, SluiceError } from "../base/errors.js";
import { EXECUTOR } from "../base/keys.js";
import {
  aBoolean,
  aCount,
  aFunction,
  anObject,
  aString,
  aTimeout,
  type Rule,
  rule,
  strings,
} from "../base/options.js";
import { isObject } from "../base/realms.js";
import type { Untyped } from "../base/untyped.js";
import { isGate } from "../gate/brand.js";
import { statusOf } from "../gate/error-status.js";
import type { Gate } from "../gate/gate.js";
import type { Passable } from "../gate/passable.js";
import { privateGate } from "../gate/private-gate.js";
import { isQuotaExhausted } from "../gate/quota.js";
import type { Rate } from "../gate/rate.js";
import { aBackoff, type Backoff, checkBackoff } from "./backoff.js";
import type { Context } from "./context.js";
import type { Executor } from "./executor.js";

/** The keys of a store; any string for an unknown store. */
type KeyOf<S> = unknown extends S ? string : keyof S & string;

/** The options that every node takes. */
export interface BaseOptions<S = Untyped> {
  /**
   * The name in errors, events and diagrams. Minifiers rename classes, so a minified program sets names or keeps those
   * of its classes (`keepNames: true` in esbuild).
   *
   * @default the name of the class
   */
  readonly name?: string | undefined;
  /** Keys that the store must have before `prep` is called. */
  readonly requires?: readonly KeyOf<NoInfer<S>>[] | undefined;
}

/** The options for attempts. */
export interface RetryOptions {
  /** The total number of tries. @default 1 */
  readonly attempts?: number | undefined;
  /** The wait between tries. @default 0 */
  readonly backoff?: Backoff | undefined;
  /**
   * Whether an error is retried.
   *
   * Without a gate, the wait before it is at least the error's `Retry-After`, up to 5 minutes.
   *
   * @default every error but an exhausted quota, the HTTP statuses 400, 401, 403, 404, 405, 410, 413 and 422, and
   * sluice's own; a `TIMEOUT` is retried
   */
  readonly retryIf?: ((error: unknown) => boolean | PromiseLike<boolean>) | undefined;
  /** Milliseconds for each attempt, from the start of `exec`, without its time in the queue. @default no limit */
  readonly timeout?: number | undefined;
}

/** The checked form of a node's options, as the engine uses it. */
export interface Settings {
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly retryIf: (error: unknown) => boolean | PromiseLike<boolean>;
  readonly timeout: number | undefined;
  readonly gates: readonly Passable[];
  /** The `gate` option, if it is a function. */
  readonly chooseGate: ((input: unknown, ctx: Context) => unknown) | undefined;
  /** Where `exec` runs, if not in this process. */
  readonly executor: Executor | undefined;
  /** Whether calls go through gates. */
  readonly isGated: boolean;
  /** Whether the call needs no further attempts, no timeout and no gates. */
  readonly singleAttempt: boolean;
  /** Whether the first attempt of an item may take the short path. */
  readonly runsInline: boolean;
}

/** The rules for {@link RetryOptions}. */
const retryRules: Record<string, Rule> = {
  attempts: aCount,
  backoff: aBackoff,
  retryIf: aFunction,
  timeout: aTimeout,
};

/** The options of nodes and flows that are retried. */
export interface TriedOptions<S = Untyped> extends BaseOptions<S>, RetryOptions {
  /**
   * A gate to share with other nodes; `exec` holds one of its slots while it runs. A function is called before each
   * attempt with the input of `exec`, for a gate per tenant or model; with `undefined` the call has no gate.
   */
  readonly gate?: Gate | ((input: Untyped, ctx: Context) => Gate | undefined) | undefined;
  /** A rate for this node only; with `gate`, both apply. */
  readonly rate?: Rate | undefined;
  /**
   * In a run with a journal: a call that was in flight when its process died is not repeated, and `execFallback` gets
   * `INTERRUPTED`. Not with `attempts` above 1. @default false
   */
  readonly atMostOnce?: boolean | undefined;
}

/** The options of a {@link Node}. */
export interface NodeOptions<S = Untyped> extends TriedOptions<S> {
  /**
   * Where `exec` runs: in threads with `sluice/threads`, on other machines with `sluice/bullmq`, or by your own class.
   * The executor then handles attempts, gates and the fallback. @default this process
   */
  readonly executor?: Executor | undefined;
}

/** Whether a value is a class, so that `new` is missing. */
const isClass = (value: object): boolean => /^class\b/.test(Function.prototype.toString.call(value));

export const baseRules: Record<string, Rule> = { name: aString, requires: strings };

/** The rules of attempts, timeout and gates. */
export const triedRules: Record<string, Rule> = {
  ...baseRules,
  ...retryRules,
  gate: rule(
    "a Gate or a function that returns one",
    (value) => isGate(value) || (typeof value === "function" && !isClass(value)),
  ),
  rate: anObject,
  atMostOnce: aBoolean,
};

/** The rules of nodes that call `exec`. */
export const nodeRules: Record<string, Rule> = {
  ...triedRules,
  executor: rule("an Executor", (value) => isObject(value) && EXECUTOR in value),
};

const pocketFlow = (theirs: string, ours: string, meaning: string): string =>
  `PocketFlow's \`${theirs}\` is written \`${ours}\` here (${meaning})`;
const RETRIES = "write `attempts`, the total number of tries: one more than the retries";

/** Options of other libraries and classes, with the option to use instead. */
export const INSTEAD: Readonly<Record<string, string>> = {
  maxRetries: pocketFlow("maxRetries: n", "attempts: n", "total tries, as there"),
  max_retries: pocketFlow("max_retries=n", "attempts: n", "total tries, as there"),
  wait: pocketFlow("wait: s", "backoff: ms", "milliseconds, not seconds"),
  retry: RETRIES,
  retries: RETRIES,
  concurrency: "only the parallel classes take it: AsyncParallelBatchNode or AsyncParallelBatchFlow",
};

/** Statuses that another attempt cannot fix. */
const FINAL_STATUSES: ReadonlySet<number | undefined> = new Set([400, 401, 403, 404, 405, 410, 413, 422]);

/** The default of `retryIf`: a retry cannot fix an error in the program or the request, or an exhausted quota. */
function isWorthRetrying(error: unknown): boolean {
  try {
    if (error instanceof SluiceError) return error.code === "TIMEOUT";
    return !isQuotaExhausted(error) && !FINAL_STATUSES.has(statusOf(error));
  } catch {
    return true; // an error whose fields throw may be retried
  }
}

export function settingsOf(where: string, options: NodeOptions): Settings {
  const { attempts = 1, backoff = 0, retryIf = isWorthRetrying, timeout, gate, rate, executor } = options;
  if (options.atMostOnce === true && attempts > 1) {
    throw invalidOption(where, "attempts", "left out with `atMostOnce`", attempts);
  }
  checkBackoff(where, backoff);
  const gates: Passable[] = [];
  let chooseGate: Settings["chooseGate"];
  if (typeof gate === "function") chooseGate = gate as Settings["chooseGate"];
  else if (gate !== undefined) gates.push(gate as unknown as Passable);
  if (rate !== undefined) gates.push(privateGate(where, rate));
  executor?.[EXECUTOR].check(where, gates);
  const isHere = executor === undefined;
  const isGated = gates.length > 0 || chooseGate !== undefined;
  return {
    attempts,
    backoff,
    retryIf,
    timeout,
    gates,
    chooseGate,
    executor,
    isGated,
    singleAttempt: attempts === 1 && timeout === undefined && !isGated && isHere,
    runsInline: timeout === undefined && chooseGate === undefined && isHere,
  };
}

export const NO_SETTINGS = settingsOf("", {});
