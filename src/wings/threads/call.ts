// One call of an asyncified function: which of its arguments are its own, and what its end means.
import {
  aSignal,
  builtInOf,
  checkOptions,
  HELD,
  isError,
  isObject,
  isPlainObject,
  type Rule,
  SluiceError,
} from "sluice/internal";
import type { ThreadPool } from "./pool.js";
import { died, notCloneable, type Outcome, type Task, thrown, unloadable } from "./task.js";

/** What a call takes besides the function's own arguments. A hook's context may stand in its place. */
export interface ThreadCall {
  /** Ends the call with the signal's reason, and the thread if it is at work on it. @default none */
  readonly signal?: AbortSignal | undefined;
  /** The buffers and ports in the arguments that are moved, not copied; they cannot be used here any more. @default none */
  readonly transfer?: readonly object[] | undefined;
}

/** A call with its arguments sorted. */
export interface Call {
  readonly task: Task;
  readonly signal: AbortSignal | undefined;
  readonly transfer: readonly object[];
}

type Answer = Exclude<Outcome, { readonly kind: "thrown" | "unloadable" }>;

const callRules: Record<keyof ThreadCall, Rule> = {
  signal: aSignal,
  transfer: {
    expected: "an array of buffers and ports",
    accepts: (value) => Array.isArray(value) && value.every(isObject),
  },
};

/** Recognises the context of a hook, or what looks like one. */
const isContext = (value: Record<string, unknown>): boolean =>
  HELD in value || ("attempt" in value && "emit" in value);

/** Distinguishes `{ signal, transfer }` from data: a signal could not be sent, and a list of what to move is no data. */
function isThreadCall(value: Record<string, unknown>): boolean {
  const { signal, transfer } = value;
  if (aSignal.accepts(signal)) return true;
  const keys = Object.keys(value);
  if (signal !== undefined || keys.length === 0 || keys.some((key) => !Object.hasOwn(callRules, key)))
    return false;
  const isBuffer = builtInOf(transfer) === "ArrayBuffer" || ArrayBuffer.isView(transfer);
  return transfer === undefined || isBuffer || Array.isArray(transfer);
}

/**
 * Takes `{ signal, transfer }`, or a hook's context, off the end of the arguments.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`.
 */
export function callOf(task: Omit<Task, "args">, given: readonly unknown[]): Call {
  const last = given.at(-1);
  if (!isPlainObject(last) || !(isContext(last) || isThreadCall(last))) {
    return { task: { ...task, args: given }, signal: undefined, transfer: [] };
  }
  const own = { ...task, args: given.slice(0, -1) };
  const { signal, transfer = [] } = last as ThreadCall;
  if (isContext(last)) return { task: own, signal, transfer: [] };
  checkOptions(task.label, last, callRules);
  return { task: own, signal, transfer };
}

/** Runs a function that is no generator, or learns what it is. */
export async function callInThread(pool: ThreadPool, call: Call): Promise<Answer> {
  const { task, signal, transfer } = call;
  const outcome = await pool.run(task, { transfer, signal }).catch((error) => {
    throw poolError(error, call);
  });
  if (outcome.kind === "thrown") throw thrown(outcome, task);
  if (outcome.kind === "unloadable") throw unloadable(outcome, task);
  return outcome;
}

/** What it means when a pool gives no outcome. */
export function poolError(error: unknown, { task, signal }: Call): unknown {
  if (signal?.aborted || error instanceof SluiceError) return error;
  // Node 20 loses all of the DataCloneError that ends a thread whose result could not be cloned.
  const isLost = isPlainObject(error) && !isError(error) && Object.keys(error).length === 0;
  const { name, message } = error as Partial<Error>;
  const isClone = isLost || name === "DataCloneError" || /deserialize cloned data/.test(message ?? "");
  return isClone ? notCloneable(error, task, "an argument or the result") : died(error, task);
}
