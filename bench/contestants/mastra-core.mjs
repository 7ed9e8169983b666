// @mastra/core: a workflow that does its step until the action says "done". The store is kept outside, since a
// workflow copies what its steps hand on.
import { createStep, createWorkflow } from "@mastra/core/workflows";
import { z } from "zod";

const schema = z.object({ action: z.string() });
let shared;

export async function chain(hookSets) {
  let at = 0;
  const step = createStep({
    id: "step",
    inputSchema: schema,
    outputSchema: schema,
    execute: async () => {
      const { prep, exec, post } = hookSets[at++ % hookSets.length];
      const prepared = await prep(shared);
      return { action: await post(shared, prepared, await exec(prepared)) };
    },
  });
  const workflow = createWorkflow({ id: "chain", inputSchema: schema, outputSchema: schema })
    .dountil(step, async ({ inputData }) => inputData.action === "done")
    .commit();
  return async (store) => {
    shared = store;
    at = 0;
    const run = await workflow.createRunAsync();
    const { status, error } = await run.start({ inputData: { action: "again" } });
    if (status !== "success") throw error ?? new Error(status);
  };
}
