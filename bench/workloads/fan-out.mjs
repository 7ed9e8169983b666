// 3. fan-out: items that cost nothing, so that only the fanning out is left. The items come from a generator;
// the results are gathered in input order.
import { cpuTime, cpuTimeOfRuns, expectEqual } from "../lib/timing.mjs";

export const title = "Fan-out: no-op items at concurrency 64";
export const unit = "item";
export const adapter = "fanOut";
export const cases = {
  "100,000 items": { count: 100_000, concurrency: 64, target: 1.3 },
  "1,000,000 items": {
    count: 1_000_000,
    concurrency: 64,
    target: 1.3,
    memoryTarget: 110,
    once: true,
    slow: true,
  },
};

export const peers = {
  "p-limit, one slot per worker": { file: "p-limit", adapter: "fanOutByWorker" },
  "p-limit, a closure per item": { file: "p-limit" },
  "async mapLimit": { file: "async" },
  "p-map": {},
  effect: {},
  fastq: {},
  "p-queue": {},
  pocketflow: {},
  rxjs: { slow: true },
};

const exec = async (n) => n + 1;

export async function measure(fanOut, { count, concurrency, once = false, budget }) {
  const run = async (items) => {
    const results = await fanOut(exec, items, concurrency);
    expectEqual(results.length, items, "results");
    for (let at = 0; at < items; at++) expectEqual(results[at], at + 1, "result");
  };
  // A million items are run once, warm: their peak of memory must not be the sum of several runs.
  if (once) {
    for (let spent = 0; spent < budget; ) spent += await cpuTime(() => run(100_000));
    return { ms: await cpuTime(() => run(count)) };
  }
  return { ms: await cpuTimeOfRuns(() => run(count), budget) };
}
