// BatchNode and ParallelBatchNode of PocketFlow: a Node whose `exec` runs for each item.
import { batchRules, ItemFanOut, isThenable, NODE, parallelRules, type Step } from "sluice/internal";
import { AllAtOnce } from "./all-at-once.js";
import type { NonIterableObject } from "./base-node.js";
import { EXECUTE, itemsAtOnce } from "./kind.js";
import { Node, retrying, settingsNow } from "./node.js";
import { Boxed, Calls, type Current } from "./wiring.js";

const ONE_BY_ONE = retrying("batch", batchRules, itemsAtOnce(1));
const ALL_AT_ONCE = retrying("batch", parallelRules, itemsAtOnce(Number.POSITIVE_INFINITY));

/**
 * A node whose `exec` runs once for each item that `prep` returns, one by one. `post` gets the results in order.
 *
 * @example
 * ```ts
 * import { BatchNode, Flow } from "sluice/pocketflow";
 *
 * class Squares extends BatchNode<{ squares?: number[] }> {
 *   async prep() { return [1, 2, 3]; }
 *   async exec(n: number) { return n * n; }
 *   async post(shared: { squares?: number[] }, _items: number[], squares: number[]) { shared.squares = squares; return undefined; }
 * }
 * const shared: { squares?: number[] } = {};
 * await new Flow(new Squares()).run(shared);
 * shared.squares; // => [1, 4, 9]
 * ```
 */
export class BatchNode<S = unknown, P extends NonIterableObject = NonIterableObject> extends Node<S, P> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "BatchNode";

  constructor(maxRetries = 1, wait = 0) {
    super(maxRetries, wait, ONE_BY_ONE);
  }

  /** @internal */
  override [EXECUTE](prepRes: unknown, current: Current): unknown {
    return executeItems(this, prepRes, current);
  }
}

/**
 * A batch node that runs all its items at once, without a limit.
 *
 * It throws the first failure once the items in flight have ended; each item is retried separately.
 */
export class ParallelBatchNode<S = unknown, P extends NonIterableObject = NonIterableObject> extends Node<
  S,
  P
> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "ParallelBatchNode";

  constructor(maxRetries = 1, wait = 0) {
    super(maxRetries, wait, ALL_AT_ONCE);
  }

  /** @internal */
  override [EXECUTE](prepRes: unknown, current: Current): unknown {
    return executeItems(this, prepRes, current);
  }
}

/** Calls `exec` for each item, with the current `maxRetries`. */
function executeItems(node: Node, prepRes: unknown, { shared, ctx, scope }: Current): unknown {
  node.currentRetry = 0;
  const items = itemsOf(prepRes);
  if (!(node.maxRetries > 0)) return Array.isArray(items) ? items.map(() => undefined) : [];
  const settings = settingsNow(node);
  const wiring = { ...node[NODE], settings };
  const batch = wiring.batch as NonNullable<typeof wiring.batch>;
  const calls = new Calls(node as unknown as Step, wiring);
  const { journal, meter, watch } = scope.run;
  const isSeen = journal !== undefined || meter !== undefined || watch !== undefined;
  if (batch.concurrency === Infinity && Array.isArray(items) && !isSeen) {
    return new AllAtOnce(calls, items, settings, scope, ctx.step).run();
  }
  return new ItemFanOut(calls as never, items, shared, scope, batch, ctx.step).run();
}

/** The items of a batch: none if `prep` returned no list, as in PocketFlow. Promises are passed to `exec`. */
function itemsOf(prepRes: unknown): unknown {
  if (Array.isArray(prepRes)) {
    return prepRes.some(isThenable)
      ? prepRes.map((item) => (isThenable(item) ? new Boxed(item) : item))
      : prepRes;
  }
  const isIterable =
    typeof prepRes === "object" &&
    prepRes !== null &&
    (Symbol.iterator in prepRes || Symbol.asyncIterator in prepRes);
  return isIterable ? prepRes : [];
}
