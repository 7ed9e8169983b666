// The program: read fleet-summaries.ts first. With --worker it takes calls, else it starts workers and runs the flow.
import { once } from "node:events";
import { Fleet } from "sluice/bullmq";
import { redisLimit } from "sluice/redis";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createFleetFlow, readDocuments, report, type Shared } from "./fleet-summaries.js";
import { openRedis, startWorkers } from "./machines.js";

const DEFAULTS = { limit: 40, workers: 2, out: "fleet-summaries.json", worker: false };
await program("[globs] [--limit 40] [--workers 2] [--out file]", DEFAULTS, async ({ words, flags, run }) => {
  const documents = flags.worker ? [] : await readDocuments(words, flags.limit);
  await using redis = await openRedis();
  await using executor = new Fleet({ connection: redis.url, queue: "summaries" });
  await using limit = redisLimit(redis.url, { key: "model" });
  const flow = createFleetFlow(await connect("fleet-summaries"), { executor, limit });
  if (flags.worker) return void (await Promise.all([executor.work(flow), once(run.drain, "abort")]));
  await using _workers = startWorkers(flags.workers, redis.url);
  const shared: Shared = { documents, summaries: {}, errors: {} };
  await flow.run(shared, run).finally(() => report(shared, flags.out));
});
