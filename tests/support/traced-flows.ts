// Runs to be recorded, and what was written of them.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AsyncParallelBatchNode, Flow, Gate, node } from "sluice";
import type { TraceLine } from "sluice/trace";
import { afterAll } from "vitest";

/** A folder that is gone after the tests of the file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-trace-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const linesOf = (path: string): TraceLine[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** A batch with retries, a gate and a failure, after a node and before another. */
export function batchFlow(count = 4, name = "Main"): Flow<object> {
  const gate = new Gate({ name: "vendor", concurrency: 2 });
  class Work extends AsyncParallelBatchNode<object, number, number, "collect"> {
    override prep() {
      return Array.from({ length: count }, (_, i) => i);
    }
    override async exec(item: number, { attempt, emit }: { attempt: number; emit(data: unknown): unknown }) {
      emit(`secret ${item}`);
      await new Promise((resolve) => setImmediate(resolve));
      if (item === 1 && attempt === 0) throw new Error("once");
      if (item === 2) throw new TypeError("always", { cause: new Error("the reason") });
      return item;
    }
  }
  const first = node({ name: "First" });
  const work = new Work({ name: "Work", gate, attempts: 2, onError: "collect" });
  first.next(work).next(node({ name: "Last", post: () => "done" }));
  return new Flow(first as never, { name });
}
