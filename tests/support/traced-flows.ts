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

/** A batch over pages of a thousand letters each, with a summary of three hundred, a retry of some and a failure of few. */
export function pagesFlow(count: number): Flow<object> {
  interface Page {
    readonly id: number;
    readonly text: string;
  }
  interface Shared {
    pages?: readonly Page[];
    summaries?: unknown;
  }
  const load = node({
    name: "Load",
    exec: () => Array.from({ length: count }, (_, id): Page => ({ id, text: wordsOf(id, 1_000) })),
    post: (shared: Shared, _prep, pages) => {
      shared.pages = pages;
    },
  });
  class Summarise extends AsyncParallelBatchNode<Shared, Page, string, "collect"> {
    override prep(shared: Shared) {
      return shared.pages ?? [];
    }
    override async exec({ id, text }: Page, { attempt }: { attempt: number }) {
      await new Promise((resolve) => setImmediate(resolve));
      if (id % 50 === 1 && attempt === 0) throw new Error("once");
      if (id % 500 === 2) throw new TypeError("always");
      return text.slice(0, 300);
    }
    override post(shared: Shared, _prep: unknown, summaries: unknown) {
      shared.summaries = summaries;
      return undefined;
    }
  }
  const gate = new Gate({ name: "vendor", concurrency: 50 });
  load.next(new Summarise({ name: "Summarise", gate, attempts: 2, onError: "collect" }) as never);
  return new Flow(load as never, { name: "Pages" });
}

/** Text of so many letters, another for each seed, so that it packs like text and not like one that is repeated. */
function wordsOf(seed: number, letters: number): string {
  const words = ["lock", "water", "boat", "gate", "canal", "keeper", "level", "chamber", "paddle", "weir"];
  let text = "";
  for (let state = seed + 1; text.length < letters; ) {
    state = (state * 48_271) % 2_147_483_647;
    text += `${words[state % words.length]}${state % 7 === 0 ? state : ""} `;
  }
  return text.slice(0, letters);
}
