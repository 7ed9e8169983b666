// A worker: says when it takes calls, and ends by SIGTERM.
import { Fleet } from "sluice/bullmq";
import { flowOf, type Task } from "./flow.js";

const task = JSON.parse(process.argv[2] as string) as Task;
const fleet = new Fleet({ connection: task.url, queue: task.queue });
await fleet.work(flowOf(task), { concurrency: 16 });
process.once("SIGTERM", () => void fleet.close());
process.send?.("open");
