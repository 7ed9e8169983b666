// One call of an asyncified function: its arguments and its outcome.
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

/** The options of a call, after the function's own arguments. A hook's context may be passed instead. */
export interface ThreadCall {
  /** Rejects the call with the signal's reason, and ends the thread if it is running the call. @default none */
  readonly signal?: AbortSignal | undefined;
  /**
   * The buffers and ports in the arguments to move instead of copying; they cannot be used here afterwards.
   * @default none
   */
  readonly transfer?: readonly object[] | undefined;
}

/** A call with its separated arguments. */
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

/** Recognises the context of a hook by its shape. */
const isContext = (value: Record<string, unknown>): boolean =>
  HELD in value || ("attempt" in value && "emit" in value);

/** Distinguishes `{ signal, transfer }` from data: neither a signal nor a transfer list can be data. */
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
 * Removes `{ signal, transfer }` or a hook's context from the end of the arguments.
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

/** Runs a function that is not a generator function, or detects that it is one. */
export async function callInThread(pool: ThreadPool, call: Call): Promise<Answer> {
  const { task, signal, transfer } = call;
  const outcome = await pool.run(task, { transfer, signal }).catch((error) => {
    throw poolError(error, call);
  });
  if (outcome.kind === "thrown") throw thrown(outcome, task);
  if (outcome.kind === "unloadable") throw unloadable(outcome, task);
  return outcome;
}

/** Interprets the error of a pool without an outcome. */
export function poolError(error: unknown, { task, signal }: Call): unknown {
  if (signal?.aborted || error instanceof SluiceError) return error;
  // Node 20 loses the DataCloneError of a result that could not be cloned; Node 22 keeps only its stack.
  const isLost = isPlainObject(error) && !isError(error) && Object.keys(error).length === 0;
  const { name, message, stack } = error as Partial<Error>;
  const isClone =
    isLost ||
    [name, stack].some((text) => /^DataCloneError\b/.test(text ?? "")) ||
    /deserialize cloned data/.test(message ?? "");
  return isClone ? notCloneable(error, task, "an argument or the result") : died(error, task);
}
