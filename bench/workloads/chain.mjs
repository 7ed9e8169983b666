// 1. chain: one node that loops through an action.
import { asyncHooks, syncHooks } from "../hooks.mjs";
import { cpuTimeOfRuns, expectEqual } from "../lib/timing.mjs";

export const title = "Chain: a node that loops through an action";
export const unit = "step";
export const adapter = "chain";
export const cases = {
  "sync hooks": { steps: 100_000, hooks: syncHooks, target: 1.5 },
  "async hooks": { steps: 100_000, hooks: asyncHooks, target: 1.5 },
};

/** Peers and the part of the steps that the slow ones make; what is shown is always the cost of one step. */
export const peers = {
  pocketflow: {},
  effect: {},
  xstate: { part: 0.1 },
  "@llamaindex/workflow-core": { part: 0.02 },
  "@mastra/core": { part: 0.01 },
  "@langchain/langgraph": { part: 0.005 },
};

export async function measure(chain, { steps, hooks, part = 1, budget }) {
  const walk = async (run, until) => {
    const shared = { n: 0, until };
    await run(shared);
    expectEqual(shared.n, until, "chain");
  };
  const until = steps * part;
  await walk(await chain(hooks.slice(1)), Math.min(until, 10_000)); // other nodes were here before
  const run = await chain(hooks.slice(0, 1));
  return { ms: (await cpuTimeOfRuns(() => walk(run, until), budget)) / part };
}
