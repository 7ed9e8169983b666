// 4. flow per item: a flow of three nodes is walked for each item, at concurrency 64.
import { cpuTimeOfRuns, expectEqual } from "../lib/timing.mjs";

export const title = "Flow per item: three nodes for each of 20,000 items";
export const unit = "item";
export const adapter = "flowPerItem";
export const cases = { "20,000 items": { count: 20_000, concurrency: 64, target: 2 } };
export const peers = { pocketflow: {}, effect: {} };

/** Sync prep and post, async exec; the item is `ctx.params.n`. */
const hooks = [
  {
    prep: (_shared, ctx) => ctx.params.n,
    exec: async (n) => n + 1,
    post: (shared, _n, result) => {
      shared.first += result;
    },
  },
  {
    prep: (_shared, { params }) => params.n * 2,
    exec: async (n) => n,
    post: (shared, _n, result) => {
      shared.second += result;
    },
  },
  {
    prep: (_shared, ctx) => [ctx.params.n],
    exec: async ([n]) => n + 3,
    post: (shared, _n, result) => {
      shared.third += result;
    },
  },
];

export async function measure(flowPerItem, { count, concurrency, budget }) {
  const run = await flowPerItem(hooks);
  const once = async () => {
    const shared = { first: 0, second: 0, third: 0 };
    await run(shared, count, concurrency);
    const sum = (count * (count - 1)) / 2;
    expectEqual(shared.first, sum + count, "first");
    expectEqual(shared.second, 2 * sum, "second");
    expectEqual(shared.third, sum + 3 * count, "third");
  };
  return { ms: await cpuTimeOfRuns(once, budget) };
}
