// A flow for workers: doubles numbers, and never ends for a negative one, for which it emits.
import { AsyncParallelBatchNode, type Context, type Executor, Flow } from "sluice";
import { Fleet } from "sluice/bullmq";

export interface Doubles {
  readonly items: readonly number[];
  doubled: number[];
}

export const fleetOf = (connection: string, queue: string) => new Fleet({ connection, queue });

export function createDoubles(executor?: Executor) {
  class Double extends AsyncParallelBatchNode<Doubles, number, number> {
    override prep(shared: Doubles) {
      return shared.items;
    }
    override async exec(item: number, { emit }: Context) {
      if (item < 0) await emit("begun");
      if (item < 0) await new Promise((resolve) => setTimeout(resolve, 1e9));
      return item * 2;
    }
    override post(shared: Doubles, _items: readonly number[], doubled: number[]) {
      shared.doubled = doubled;
    }
  }
  return new Flow<Doubles>(new Double({ executor, concurrency: 10 }), { name: "Main" });
}

export const createFlow = () => createDoubles();
