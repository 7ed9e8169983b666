// A coordinator of scale.mjs: runs a batch twice, once small to warm up, and tells what the second run took.
import { Redis } from "ioredis";
import { Fleet } from "sluice/bullmq";
import { openJournal } from "sluice/journal";
import { flowOf } from "./fleet-flow.mjs";

const { url, queue, items, concurrency, takes, journal: file } = JSON.parse(process.argv[2]);
const redis = new Redis(url);
const executor = new Fleet({ connection: url, queue });
const journal = file && (await openJournal(file));
const batch = async (runId, count) => {
  const shared = { count, done: 0, sum: 0 };
  await flowOf({ executor, concurrency, takes }).run(shared, journal && { journal, runId });
  if (shared.done !== count) throw new Error(`${shared.done} of ${count} results`);
};
const jobs = async () => Number(await redis.get(`bull:${queue}:id`));
await batch("warm", 500);

process.once("message", async () => {
  const [start, cpu, before] = [performance.now(), process.cpuUsage(), await jobs()];
  await batch("measured", items);
  const { user, system } = process.cpuUsage(cpu);
  process.send({ ms: performance.now() - start, cpu: (user + system) / 1e3, jobs: (await jobs()) - before });
});
process.send("ready");
