// fleet: calls over Redis, beside BullMQ by hand with a job for each. The clock's time, since answers are waited for.
import { startServer, startWorker } from "../lib/fleet.mjs";
import { expectEqual } from "../lib/timing.mjs";

export const title = "Calls over BullMQ, made by workers in other processes";
export const unit = "item";
export const clock = "in Redis";
export const cases = {
  "2,000 items one after another": { count: 2_000, concurrency: 1, workers: 1, target: 1.5 },
  "50,000 items over 2 workers": { count: 50_000, concurrency: 2_000, workers: 2, redisTarget: 20 },
};
export const peers = {};
export const files = { baseline: "fleet-bullmq", sluice: "fleet-sluice" };
export const adapter = "*";
export const maxRounds = 3;

const sumOf = (count) => count * (count - 1);

export async function measure({ fleet, worker }, { count, concurrency, workers: size, part = 1 }) {
  const items = count * part;
  const server = await startServer();
  const task = { url: server.url, queue: "bench", concurrency: 64, takes: 0 };
  const workers = await Promise.all(Array.from({ length: size }, () => startWorker(worker, task)));
  const run = await fleet(server.url, task.queue);
  for (const warm of [100, 500]) expectEqual(await run(warm, concurrency), sumOf(warm), "warm");
  const start = performance.now();
  expectEqual(await run(items, concurrency), sumOf(items), "sum");
  const ms = performance.now() - start;
  for (const each of workers) each.stop();
  const kilobytes = server.peakKilobytes();
  await server.stop();
  return { ms: ms / part, kilobytes };
}
