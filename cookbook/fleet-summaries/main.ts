// The program: read fleet-summaries.ts first. With --worker it takes calls, else it starts workers and runs the flow.
import { once } from "node:events";
import { Fleet } from "sluice/bullmq";
import { redisLimit } from "sluice/redis";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createFleetFlow, readDocuments, type Shared, write } from "./fleet-summaries.js";
import { openRedis, startWorkers } from "./machines.js";

const DEFAULTS = { limit: 40, workers: 2, out: "fleet-summaries.json", worker: false };
const { REDIS_URL, MODEL_RPM = 500, MODEL_TPM = 200_000 } = process.env;
await program("[globs] [--limit 40] [--workers 2] [--out file]", DEFAULTS, async ({ words, flags, run }) => {
  const documents = flags.worker ? [] : await readDocuments(words, flags.limit);
  await using redis = await openRedis(REDIS_URL);
  await using executor = new Fleet({ connection: redis.url, queue: "summaries" });
  await using limit = redisLimit(redis.url, { key: "model" });
  const rate = { requests: Number(MODEL_RPM), tokens: Number(MODEL_TPM), per: 60_000 };
  const flow = createFleetFlow(await connect("fleet-summaries"), { executor, limit, rate });
  if (flags.worker) return void (await Promise.all([executor.work(flow), once(run.drain, "abort")]));
  const env = { ...process.env, REDIS_URL: redis.url };
  await using _workers = startWorkers(process.argv[1] ?? "", flags.workers, env, process.stderr);
  const shared: Shared = { documents, summaries: {}, errors: {} };
  await flow.run(shared, run).finally(() => console.log(write(shared, flags.out)));
  if (Object.keys(shared.errors).length > 0) process.exitCode = 1;
});
