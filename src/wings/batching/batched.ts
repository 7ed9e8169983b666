// batched: merges concurrent single calls into few calls for many items. DataLoader gathers them and distributes the
// results; timing, gate and aborts are decided here.
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

/** The second argument of `fn` of {@link batched}. */
export interface BatchContext {
  /** Fires when no caller waits for this call. */
  readonly signal: AbortSignal;
  /** Reports the actual cost of the call in tokens to the gate; does nothing without a gate. */
  readonly charge: (tokens: number) => void;
}

/** The options of {@link batched}. */
export interface BatchedOptions<Item> {
  /** The largest number of items in one call. @default 100 */
  readonly maxSize?: number | undefined;
  /** The largest total cost of the items of one call; an item with a larger cost is sent alone. @default no limit */
  readonly maxCost?: number | undefined;
  /** The cost of an item, for `maxCost` and as tokens to reserve at the gate. @default 0 */
  readonly cost?: ((item: Item) => number) | undefined;
  /** The longest wait of an item for others, in ms. If no other item is expected, it does not wait. @default 50 */
  readonly maxWait?: number | undefined;
  /** The gate of each call of `fn`. While a call waits at it, more items may join. @default none */
  readonly gate?: Gate | undefined;
  /** Aborts all calls, including later ones, which reject with its reason. @default none */
  readonly signal?: AbortSignal | undefined;
  /** Its name in errors. @default the name of `fn` */
  readonly name?: string | undefined;
}

/** The options of a single call. A hook's context may be passed in place of them. */
export interface BatchCall {
  /** Aborts this call only; it rejects with the signal's reason. @default none */
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
 * Creates a function of one item from a function of many: concurrent calls are merged into one.
 *
 * A call is sent when it is full, when `maxWait` is over, or when no other item is expected: at the end of the current
 * turn of the event loop if no other call of `fn` is in flight, and if single calls are more than `maxWait` ms apart. An
 * abort removes one item; the whole call is aborted only when no caller waits for it.
 *
 * Pass a vendor's gate here and not also to the node, which holds its slot while it waits for the batch. If both have
 * the gate, a call with the hook's context lends its slot to the batch; a call without it can deadlock.
 *
 * @param fn - Returns one result for each item, in order; an Error in the list fails only its item. An error that it
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

/** Recognises the context of a hook by its shape, which has more than a signal. */
const isContext = (value: unknown): boolean =>
  isPlainObject(value) && (HELD in value || ("attempt" in value && "emit" in value));
