// A worker of the workloads over Redis: node fleet-worker.mjs sluice|bullmq '{ "url": …, "queue": …, "concurrency": … }'
import { double } from "./fleet-work.mjs";

const kinds = {
  async sluice({ url, queue, takes, concurrency }) {
    const { Fleet } = await import("sluice/bullmq");
    const { flowOf } = await import("./fleet-flow.mjs");
    await new Fleet({ connection: url, queue }).work(flowOf({ takes, concurrency }), { concurrency });
  },
  async bullmq({ url, queue, takes, concurrency }) {
    const { Worker } = await import("bullmq");
    const options = { connection: { url, maxRetriesPerRequest: null }, concurrency };
    await new Worker(queue, ({ data }) => double(data.n, takes), options).waitUntilReady();
  },
};

const [kind, task] = process.argv.slice(2);
await kinds[kind](JSON.parse(task));
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send((user + system) / 1e3);
});
process.on("disconnect", () => process.exit());
process.send("ready");
