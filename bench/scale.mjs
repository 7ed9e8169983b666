// node bench/scale.mjs [--write]: how far a fleet goes past this machine, simulated in virtual time from
// costs that are measured first. Prints a table; --write draws docs/guide/images/scale.svg.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Redis } from "ioredis";
import { startServer, startWorker } from "./lib/fleet.mjs";
import { drawScale } from "./lib/scale-chart.mjs";
import { simulate } from "./lib/scale-model.mjs";
import { buildSluice, machine } from "./lib/setup.mjs";

const { values: options } = parseArgs({ options: { write: { type: "boolean", default: false } } });
const root = fileURLToPath(new URL("..", import.meta.url));
const CONCURRENCY = 16;

/** Runs a batch in a process of its own. Gives its time on the clock and of the processor, also that of Redis. */
async function run({ workers, journal, ...task }) {
  const server = await startServer();
  const place = { url: server.url, queue: "scale", takes: task.takes, concurrency: CONCURRENCY };
  const started = await Promise.all(Array.from({ length: workers }, () => startWorker("sluice", place)));
  const folder = mkdtempSync(join(tmpdir(), "sluice-scale-"));
  const given = { ...task, ...place, concurrency: task.atOnce, journal: journal && join(folder, "runs.db") };
  const child = spawn(process.execPath, [join(root, "bench/lib/fleet-run.mjs"), JSON.stringify(given)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await once(child, "message"); // it is warm
  const before = await server.cpu();
  const workersBefore = await cpuOf(started);
  child.send("go");
  const [{ ms, cpu, jobs }] = await once(child, "message");
  const redis = ((await server.cpu()) - before) * 1e3;
  const worker = (await cpuOf(started)) - workersBefore;
  const trip = await tripTo(server.url);
  for (const each of started) each.stop();
  child.kill("SIGKILL");
  await server.stop();
  rmSync(folder, { recursive: true });
  return { ms, cpu, redis, jobs, worker, trip };
}

const cpuOf = async (workers) =>
  (await Promise.all(workers.map((each) => each.cpu()))).reduce((sum, ms) => sum + ms, 0);

/** How long a command and its answer are under way, in ms. */
async function tripTo(url) {
  const client = new Redis(url);
  await client.ping();
  const start = performance.now();
  for (let at = 0; at < 500; at++) await client.ping();
  const ms = performance.now() - start;
  client.disconnect();
  return ms / 500;
}

/** What a timer of so many ms takes: the items of the real batch are made of them. */
async function timerOf(ms) {
  const start = performance.now();
  for (let at = 0; at < 20; at++) await new Promise((resolve) => setTimeout(resolve, ms));
  return (performance.now() - start) / 20;
}

buildSluice();
console.error("measuring …");
const COUNT = 20_000;
const single = await run({ workers: 1, items: 2_000, atOnce: 1, takes: 0 });
const wide = await run({ workers: 2, items: COUNT, atOnce: 2_000, takes: 0 });
const kept = await run({ workers: 2, items: COUNT, atOnce: 2_000, takes: 0, journal: true });

/** Costs in ms: of a job, and of an item in it. */
const split = (one, many) => {
  const jobs = wide.jobs / COUNT;
  const job = Math.max(0, (one / 2_000 - many / COUNT) / (1 - jobs));
  return { job, item: Math.max(0, many / COUNT - job * jobs) };
};
const costs = {
  redis: split(single.redis, wide.redis),
  coordinator: split(single.cpu, wide.cpu),
  journal: { job: 0, item: Math.max(0, (kept.cpu - wide.cpu) / COUNT) },
  worker: wide.worker / COUNT,
  trip: single.trip,
};
const micro = (ms) => `${(ms * 1e3).toFixed(0)} µs`;
console.log(`${machine()}\n`);
console.log("| Costs of | a job | an item |\n|---|--:|--:|");
for (const name of ["redis", "coordinator", "journal"]) {
  const { job, item } = costs[name];
  console.log(`| ${name} | ${micro(job)} | ${micro(item)} |`);
}
console.log(`| worker | | ${micro(costs.worker)} |\n\nA command and its answer: ${micro(costs.trip)}.`);

const TAKES = 50;
const measured = await run({ workers: 4, items: COUNT, atOnce: 1_000, takes: TAKES, journal: true });
const predicted = simulate({
  costs,
  workers: 4,
  slots: CONCURRENCY,
  items: COUNT,
  takes: await timerOf(TAKES),
  journal: true,
});
const off = predicted.ms / measured.ms - 1;
console.log(
  `\n4 workers, ${COUNT.toLocaleString("en")} items of ${TAKES} ms: simulated ${(predicted.ms / 1e3).toFixed(2)} s, measured ${(measured.ms / 1e3).toFixed(2)} s (${(off * 100).toFixed(1)} %).`,
);

const rows = [];
for (const takes of [50, 5_000]) {
  for (const workers of [10, 30, 100, 300, 1_000]) {
    for (const items of [1e5, 1e6, 1e7, 1e8]) {
      rows.push({
        takes,
        workers,
        items,
        ...simulate({ costs, workers, slots: CONCURRENCY, items, takes, journal: true }),
      });
    }
  }
}
const time = (ms) => {
  const seconds = ms / 1e3;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  if (seconds < 7_200) return `${(seconds / 60).toFixed(0)} min`;
  return seconds < 172_800 ? `${(seconds / 3_600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
};
const percent = (share) => `${Math.round(share * 100)} %`;
const table = [
  "| An item takes | Workers | Items | The run takes | Items a second | Workers are busy | Redis | Coordinator, with its journal |",
  "|--:|--:|--:|--:|--:|--:|--:|--:|",
  ...rows
    .filter(({ items, workers }) => [1e5, 1e6, 1e8].includes(items) && [10, 100, 1_000].includes(workers))
    .map(
      ({ takes, workers, items, ms, busy }) =>
        `| ${takes} ms | ${workers.toLocaleString("en")} | ${items.toLocaleString("en")} | ${time(ms)} | ${Math.round((items / ms) * 1e3).toLocaleString("en")} | ${percent(busy.workers)} | ${percent(busy.redis)} | ${percent(busy.coordinator)} |`,
    ),
].join("\n");
console.log(`\n${table}`);
if (options.write) {
  const svg = drawScale(rows, costs);
  writeFileSync(join(root, "docs/guide/images/scale.svg"), svg);
}
process.exit(Math.abs(off) <= 0.15 ? 0 : 1);
