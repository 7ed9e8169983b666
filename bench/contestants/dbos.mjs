// @dbos-inc/dbos-sdk: a workflow whose steps are recorded, with its system database in PostgreSQL.
import { DBOS } from "@dbos-inc/dbos-sdk";
import pLimit from "p-limit";
import { work } from "../lib/durable.mjs";

const program = (name, workflow) => {
  const registered = DBOS.registerWorkflow(workflow, { name });
  return async (url) => {
    DBOS.setConfig({ name: "bench", systemDatabaseUrl: url, logLevel: "error" });
    await DBOS.launch();
    const run = async (workflowID, size) =>
      (await DBOS.startWorkflow(registered, { workflowID })(size)).getResult();
    return { run, close: () => DBOS.shutdown() };
  };
};

export const durableChain = program("chain", async (until) => {
  let n = 0;
  while (n < until) ({ n } = await DBOS.runStep(() => work(n), { name: "step" }));
  return n;
});

export const durableBatch = program("batch", async (count) => {
  const limit = pLimit(64);
  const items = Array.from({ length: count }, (_, item) => item);
  const results = await Promise.all(
    items.map((item) => limit(() => DBOS.runStep(() => work(item), { name: "item" }))),
  );
  return results.length;
});
