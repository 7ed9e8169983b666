// 2. small: five nodes, built and run; and 10,000 runs at once of one flow object.
import { asyncHooks, syncHooks } from "../hooks.mjs";
import { cpuTimeOfRuns, expectEqual } from "../lib/timing.mjs";

export const title = "Small: a flow of five nodes";
export const unit = "run";
export const cases = {
  "build and run": { adapter: "small", runs: 2_000, hooks: asyncHooks, target: 1.2 },
  "build and run, sync hooks": { adapter: "small", runs: 2_000, hooks: syncHooks },
  "10,000 runs at once": { adapter: "atOnce", runs: 10_000, hooks: asyncHooks, together: true, target: 2 },
};
export const peers = { pocketflow: {} };

export async function measure(flow, { runs, hooks, together = false, budget }) {
  const run = await flow(hooks.slice(0, 5));
  const one = async () => {
    const shared = { n: 0, until: 9 }; // past the fifth node, so each says "again" and the last one ends it
    await run(shared);
    expectEqual(shared.n, 5, "small");
  };
  const all = async () => {
    if (together) await Promise.all(Array.from({ length: runs }, one));
    else for (let n = 0; n < runs; n++) await one();
  };
  return { ms: await cpuTimeOfRuns(all, budget) };
}
