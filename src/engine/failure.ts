// The result of a failed item.
import { FAILURE } from "../base/keys.js";
import type { Untyped } from "../base/untyped.js";

/** The result of a failed item under `onError: "collect"`. */
export class ItemFailure<Item = unknown> {
  /** The item's place in the input. */
  readonly index: number;
  /** The item itself; for a batch flow its params. */
  readonly item: Item;
  /** The last error of `exec` or its fallback. */
  readonly error: unknown;
  /** The number of attempts. */
  readonly attempts: number;

  constructor(index: number, item: Item, error: unknown, attempts: number) {
    this.index = index;
    this.item = item;
    this.error = error;
    this.attempts = attempts;
  }
}

/** The handling of a failed item: its error is thrown, or its result is an {@link ItemFailure}. */
export type OnError = "throw" | "collect";

/** `"throw"`, or any value if results are `any`, as in untyped code. */
export type DefaultOnError<Result> = 0 extends 1 & Result ? Untyped : "throw";

/**
 * One result under `onError: "collect"`: annotate it as `Result | ItemFailure<Item>`. The phantom mark `~collected`
 * makes a hook that forgets failures a compile error; without it method bivariance would accept the hook.
 */
export type Collected<Result, Item> = (Result | ItemFailure<Item>) & { readonly "~collected": true };

/** One result of a batch, as its `post` and `onResult` get it. */
export type Outcome<Result, Item, E extends OnError> = "collect" extends E ? Collected<Result, Item> : Result;

Object.defineProperty(ItemFailure.prototype, FAILURE, { value: true });

/**
 * Recognises an {@link ItemFailure} among results, even one from another build of sluice.
 *
 * @example
 * ```ts
 * import { AsyncParallelBatchNode, Flow, isFailure } from "sluice";
 *
 * class Parse extends AsyncParallelBatchNode<{ rows: string[]; bad?: number }, string, unknown, "collect"> {
 *   override prep(shared: { rows: string[] }) { return shared.rows; }
 *   override exec(row: string) { return JSON.parse(row); }
 *   override post(shared: { bad?: number }, _rows: string[], results: unknown[]) {
 *     shared.bad = results.filter(isFailure).length;
 *   }
 * }
 * const shared: { rows: string[]; bad?: number } = { rows: ["1", "{", "[]"] };
 * await new Flow(new Parse({ onError: "collect" })).run(shared);
 * shared.bad; // => 1
 * ```
 */
export function isFailure<T>(
  value: T,
): value is T & (unknown extends T ? ItemFailure : Extract<T, ItemFailure<Untyped>>) {
  try {
    return typeof value === "object" && value !== null && FAILURE in value;
  } catch {
    return false; // a proxy that throws is not an ItemFailure
  }
}
