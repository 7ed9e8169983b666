// BatchNode and AsyncParallelBatchNode: a node whose exec runs once for each item that prep returns.

import type { Awaitable } from "../base/awaitable.js";
import { invalidOption, quote } from "../base/errors.js";
import { MIDDLE, NODE } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { aCountOrInfinity, aFunction, aWholeNumber, oneOf, type Rule } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import type { Context } from "../engine/context.js";
import type { DefaultOnError, ItemFailure, OnError, Outcome } from "../engine/failure.js";
import type { FanOutSettings } from "../engine/fan-out-settings.js";
import type { Scope } from "../engine/scope.js";
import { type NodeOptions, nodeRules } from "../engine/settings.js";
import type { Action } from "../engine/step.js";
import type { StepContext } from "../engine/step-context.js";
import { BaseNode } from "./base-node.js";
import { ItemFanOut } from "./batch-items.js";

/** The items that the `prep` of a batch returns; `null` and `undefined` mean no items. */
export type Items<T> = Iterable<T> | AsyncIterable<T> | null | undefined;

/** The handling of failed items. */
export interface OnErrorOption<E extends OnError = "throw"> {
  /**
   * `"throw"` stops the batch at the first failure and throws it; `"collect"` puts an {@link ItemFailure} in the item's
   * place and continues. Write `"collect"` as the last type argument of the class too.
   *
   * @default "throw"
   */
  readonly onError?: E | undefined;
  /**
   * The maximum of failed items with `onError: "collect"`; one more fails the batch with `TOO_MANY_FAILURES`.
   *
   * @default no limit
   */
  readonly maxFailures?: number | undefined;
  /**
   * Returns a unique key of an item, for a run with a journal in which `prep` returns no serializable array. @default a
   * hash of the item
   */
  readonly itemKey?: ((item: Untyped) => string | number) | undefined;
}

/** The constructor arguments of a batch: options are required if the class has `"collect"`, which they must repeat. */
export type BatchArguments<Options, E extends OnError> = "throw" extends E
  ? [options?: Options]
  : [options: Options & { readonly onError: E }];

/** The option for concurrent items. */
export interface ConcurrencyOption {
  /** The maximum of items in flight, in each execution of this batch. @default 16 */
  readonly concurrency?: number | undefined;
}

/** The options of a {@link BatchNode}. */
export interface BatchNodeOptions<S = Untyped, E extends OnError = "throw">
  extends NodeOptions<S>,
    OnErrorOption<E> {}

/** The options of an {@link AsyncParallelBatchNode}. */
export interface ParallelBatchNodeOptions<S = Untyped, E extends OnError = "throw">
  extends BatchNodeOptions<S, E>,
    ConcurrencyOption {}

/** The rules of the options for items. */
export const itemRules: Record<string, Rule> = {
  onError: oneOf("throw", "collect"),
  maxFailures: aWholeNumber,
  itemKey: aFunction,
};
export const batchRules: Record<string, Rule> = { ...nodeRules, ...itemRules };
export const parallelRules: Record<string, Rule> = { ...batchRules, concurrency: aCountOrInfinity };

/** @throws SluiceError `INVALID_OPTION` for `maxFailures` without `onError: "collect"`. */
export function batchSettings(
  where: string,
  options: (OnErrorOption<OnError> & ConcurrencyOption) | undefined,
  concurrency: number,
): FanOutSettings {
  const collect = options?.onError === "collect";
  const maxFailures = options?.maxFailures;
  if (maxFailures !== undefined && !collect) {
    throw invalidOption(where, "maxFailures", 'left out without `onError: "collect"`', maxFailures);
  }
  return { concurrency: options?.concurrency ?? concurrency, collect, maxFailures };
}

/**
 * A node whose `exec` runs once for each item, one by one, each with its own attempts, timeout and fallback.
 * `post` gets the results in input order.
 *
 * With `"collect"` as its last type argument and as the option `onError`, the results have an {@link ItemFailure} in
 * the place of each failed item.
 */
export class BatchNode<
  S = Untyped,
  Item = Untyped,
  Result = Untyped,
  E extends OnError = DefaultOnError<Result>,
> extends BaseNode<S> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "BatchNode";

  constructor(...options: BatchArguments<BatchNodeOptions<S, E>, E>);
  /** @internal */
  constructor(
    options: ParallelBatchNodeOptions<S, OnError> | undefined,
    rules: Record<string, Rule>,
    concurrency: number,
  );
  /** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(
    options?: ParallelBatchNodeOptions<S, OnError>,
    rules: Record<string, Rule> = batchRules,
    concurrency = 1,
  ) {
    super(options, rules, "batch");
    this[NODE].batch = batchSettings(quote(nameOf(this)), options, concurrency);
  }

  /** Returns the items: an iterable or async iterable, pulled lazily; `undefined` means no items. */
  override prep(_shared: S, _ctx: Context): Awaitable<Items<Item>> {
    return undefined;
  }

  /** Computes the result of one item, without the store. */
  exec(_item: Item, _ctx: Context): Awaitable<Result> {
    return undefined as Result;
  }

  /** Returns a result after the last attempt of an item has failed. @default throws the error */
  execFallback(_item: Item, error: unknown, _ctx: Context): Awaitable<Result> {
    throw error;
  }

  /** Tokens to reserve at the gate before each attempt of an item. */
  cost?(item: Item): Awaitable<number>;

  /**
   * Receives each result when its item ends, one at a time; the list that `post` gets is then empty. A slow `onResult`
   * slows the batch down. With `onError: "collect"` it gets failures too.
   */
  onResult?(shared: S, result: Outcome<Result, Item, E>, item: Item, ctx: Context): Awaitable<void>;

  /** Writes the results, which are in input order, and returns the action. */
  override post(
    _shared: S,
    _items: Untyped,
    _results: Outcome<Result, Item, E>[],
    _ctx: Context,
  ): Awaitable<Action> {
    return undefined;
  }

  /** @internal */
  override [MIDDLE](items: unknown, shared: S, { step }: StepContext, scope: Scope): Promise<unknown[]> {
    return new ItemFanOut(this, items, shared, scope, this[NODE].batch as FanOutSettings, step).run();
  }
}

/**
 * A batch node that runs up to `concurrency` items at once, pulling each lazily when a worker is free.
 *
 * The first failure aborts the signals of the other items and is thrown when they have ended; with `onError: "collect"`
 * it is one of the results. An abort rejects at once, and an `exec` that ignores it is abandoned.
 *
 * @example
 * ```ts
 * import { AsyncParallelBatchNode, Flow } from "sluice";
 *
 * interface Shared { urls: string[]; hosts?: string[] }
 *
 * class Hosts extends AsyncParallelBatchNode<Shared, string, string> {
 *   override prep(shared: Shared) { return shared.urls; }
 *   override async exec(url: string) { return new URL(url).host; }
 *   override post(shared: Shared, _urls: string[], hosts: string[]) { shared.hosts = hosts; }
 * }
 * const shared: Shared = { urls: ["https://a.example/1", "https://b.example/2"] };
 * await new Flow(new Hosts({ concurrency: 8, attempts: 3 })).run(shared);
 * shared.hosts; // => ["a.example", "b.example"]
 * ```
 */
export class AsyncParallelBatchNode<
  S = Untyped,
  Item = Untyped,
  Result = Untyped,
  E extends OnError = DefaultOnError<Result>,
> extends BatchNode<S, Item, Result, E> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "AsyncParallelBatchNode";
  /** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(...[options]: BatchArguments<ParallelBatchNodeOptions<S, E>, E>) {
    super(options, parallelRules, 16);
  }
}
