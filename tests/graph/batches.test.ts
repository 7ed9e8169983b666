// The four batches by the contract that they share; what each kind has of its own is in batch.test.ts and
// batch-flow.test.ts.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  type Context,
  Node,
} from "sluice";
import { batchContract, type Item, type Work } from "../support/batch-contract.js";

for (const Batch of [BatchNode, AsyncParallelBatchNode]) {
  batchContract(Batch.name, (work, options) => {
    class Items extends Batch<object, Item, unknown> {
      override exec(item: Item, ctx: Context) {
        return work(item, ctx);
      }
    }
    return new Items(options as object) as unknown as BaseNode<object>;
  });
}

class Leaf extends Node<object, Item, string> {
  readonly #work: Work;
  constructor(work: Work) {
    super();
    this.#work = work;
  }
  override prep(_shared: object, { params }: Context) {
    return params as unknown as Item;
  }
  override exec(item: Item, ctx: Context) {
    return this.#work(item, ctx);
  }
  override post(_shared: object, _item: Item, action: string) {
    return action;
  }
}
for (const Batch of [BatchFlow, AsyncParallelBatchFlow]) {
  batchContract(Batch.name, (work, options) => new Batch<object>(new Leaf(work), options as object));
}
