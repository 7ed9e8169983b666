// A coordinator: runs the flow under one id, and sends what its store came to.
import { Fleet } from "sluice/bullmq";
import { openJournal } from "sluice/journal";
import { flowOf, type Shared, type Task } from "./flow.js";

const task = JSON.parse(process.argv[2] as string) as Task;
const fleet = new Fleet({ connection: task.url, queue: task.queue });
const journal = task.journal === undefined ? undefined : await openJournal(task.journal);
process.send?.("open");
const shared: Shared = {};
const kept = journal === undefined ? {} : { journal, runId: "r" };
await flowOf(task, fleet).run(shared, kept);
process.send?.(shared);
await fleet.close();
await journal?.close();
process.disconnect();
