// The flow of the workloads over Redis: doubles the numbers below `count`.
import { AsyncParallelBatchNode, Flow } from "sluice";
import { double } from "./fleet-work.mjs";

export function flowOf({ executor, concurrency, takes = 0 }) {
  class Double extends AsyncParallelBatchNode {
    *prep({ count }) {
      for (let n = 0; n < count; n++) yield n;
    }
    exec(n) {
      return double(n, takes);
    }
    onResult(shared, result) {
      shared.done++;
      shared.sum += result;
    }
  }
  return new Flow(new Double({ name: "Double", executor, concurrency }), { name: "Bench" });
}
