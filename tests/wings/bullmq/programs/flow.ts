// The flow of both programs: each call notes that it began, in a file that all processes append to.
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AsyncParallelBatchNode, type Executor, Flow } from "sluice";

export interface Task {
  readonly url: string;
  readonly queue: string;
  /** The file of notes. */
  readonly notes: string;
  readonly items: number;
  /** Ms of a call. */
  readonly takes: number;
  readonly concurrency: number;
  /** An item that ends its process. */
  readonly poison?: number | undefined;
  readonly version?: string | undefined;
  /** Of the coordinator. */
  readonly journal?: string | undefined;
}

export interface Shared {
  sum?: number;
  failed?: (readonly [index: number, code: unknown])[];
}

export function flowOf(task: Task, executor?: Executor): Flow<Shared> {
  class Work extends AsyncParallelBatchNode<Shared, number, number, "collect"> {
    override prep() {
      return Array.from({ length: task.items }, (_, item) => item);
    }
    override async exec(item: number) {
      appendFileSync(task.notes, `${item} ${process.pid}\n`);
      if (item === task.poison) process.kill(process.pid, "SIGKILL");
      await sleep(task.takes);
      return item * 2;
    }
    override post(shared: Shared, _items: number[], results: readonly (number | { error: unknown })[]) {
      shared.sum = 0;
      shared.failed = [];
      for (const [index, result] of results.entries()) {
        if (typeof result === "number") shared.sum += result;
        else shared.failed.push([index, (result.error as { code?: unknown }).code]);
      }
    }
  }
  const { concurrency, version } = task;
  const work = new Work({ name: "Work", onError: "collect", concurrency, executor } as never);
  return new Flow<Shared>(work, { name: "Main", version });
}
