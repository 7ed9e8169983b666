// batched: single calls that are in flight together become few calls for many. DataLoader gathers them and
// hands the results back; when to go, under which gate and for which callers still, is decided here.
import type { Awaitable, Gate } from "sluice";
import {
  aCount,
  aDelay,
  aFunction,
  aPositiveNumber,
  aSignal,
  aString,
  checkOptions,
  GATE,
  HELD,
  invalidOption,
  isPlainObject,
  quote,
} from "sluice/internal";
import "./error-codes.js";
import { Batcher, type Many } from "./batcher.js";

/** What `fn` of {@link batched} is given beside its items. */
export interface BatchContext {
  /** Fires when no caller waits for this call any more. */
  readonly signal: AbortSignal;
  /** Reports to the gate the call's real cost in tokens; without a gate it does nothing. */
  readonly charge: (tokens: number) => void;
}

/** The options of {@link batched}. */
export interface BatchedOptions<Item> {
  /** The most items in one call. @default 100 */
  readonly maxSize?: number | undefined;
  /** The most that the items of one call may cost together; a dearer item goes alone. @default no limit */
  readonly maxCost?: number | undefined;
  /** What an item costs: what counts for `maxCost`, and the tokens to reserve at the gate. @default 0 */
  readonly cost?: ((item: Item) => number) | undefined;
  /** The longest that an item waits for others, in ms. An item that would wait in vain does not wait. @default 50 */
  readonly maxWait?: number | undefined;
  /** A gate that each call of `fn` passes. While it waits there, more items may join. @default none */
  readonly gate?: Gate | undefined;
  /** Stops everything: calls reject with its reason, those to come too. @default none */
  readonly signal?: AbortSignal | undefined;
  /** What errors call it. @default the name of `fn` */
  readonly name?: string | undefined;
}

/** What a single call takes besides its item. A hook's context may stand in its place. */
export interface BatchCall {
  /** Takes this caller out; it rejects with the signal's reason. @default none */
  readonly signal?: AbortSignal | undefined;
}

const rules = {
  maxSize: aCount,
  maxCost: aPositiveNumber,
  cost: aFunction,
  maxWait: aDelay,
  gate: { expected: "a Gate", accepts: (value: unknown) => isPlainObject(value) && GATE in value },
  signal: aSignal,
  name: aString,
};
const instead = {
  concurrency: "write it as an option of the gate: { gate: new Gate({ concurrency: … }) }",
  rate: "write it as an option of the gate: { gate: new Gate({ rate: … }) }",
};

/**
 * Makes a function of one item out of a function of many: calls that are in flight together become one.
 *
 * A call goes when it is full, when `maxWait` is over, or as soon as waiting would bring nothing: at the end of
 * the current turn of the event loop while no other call of `fn` is out, and when single calls come more rarely
 * than every `maxWait` ms. An abort takes one caller out; the whole call is aborted only when no caller waits for
 * it any more.
 *
 * Put a vendor's gate here and not on the node too: a node holds its slot while it waits for the batch. Where both
 * have it, a call with the hook's context lends its slot to the batch; one without it can deadlock.
 *
 * @param fn - Gives one result for each item, in their order; an Error in a place fails that item only. What it
 * throws fails all items of the call.
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION` at once. A call rejects with its own error, or with
 * `WRONG_RESULT_COUNT`, `INVALID_COST`, `COST_TOO_HIGH` (by the gate) or `MISSING_PEER`.
 * @example
 * ```ts
 * import { batched } from "sluice/batching";
 *
 * let requests = 0;
 * const lengthOf = batched(async (texts: readonly string[]) => {
 *   requests++;
 *   return texts.map((text) => text.length);
 * });
 * await Promise.all([lengthOf("to"), lengthOf("be"), lengthOf("or not")]); // => [2, 2, 6]
 * requests; // => 1
 * ```
 */
export function batched<Item, Result>(
  fn: (items: readonly Item[], ctx: BatchContext) => Awaitable<readonly (Result | Error)[]>,
  options?: BatchedOptions<Item>,
): (item: Item, call?: BatchCall) => Promise<Result> {
  if (typeof fn !== "function") throw invalidOption("batched()", "fn", "a function of many items", fn);
  checkOptions("batched()", options, rules, instead);
  const {
    maxSize = 100,
    maxCost = Number.POSITIVE_INFINITY,
    maxWait = 50,
    name = fn.name,
    ...rest
  } = options ?? {};
  const label = name === "" ? "a batched function" : quote(name);
  const { cost, gate, signal } = rest as BatchedOptions<unknown>;
  const batcher = new Batcher(fn as Many, { label, maxSize, maxCost, maxWait, cost, gate, signal });
  return async (item, call) => {
    if (!isContext(call)) checkOptions(label, call, callRules);
    return (await batcher.add(item, call)) as Result;
  };
}

const callRules = { signal: aSignal };

/** Recognises the context of a hook, or what looks like one, which has more than a signal. */
const isContext = (value: unknown): boolean =>
  isPlainObject(value) && (HELD in value || ("attempt" in value && "emit" in value));
