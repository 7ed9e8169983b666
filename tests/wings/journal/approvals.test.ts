// Many people, who answer from another process while others are still being asked.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AsyncParallelBatchNode, type Context, Flow, node } from "sluice";
import { openJournal } from "sluice/journal";
import { expect, onTestFinished, test } from "vitest";
import { removeFolder } from "../../support/remove-folder.js";
import { sized } from "../../support/size.js";

const COUNT = 200;
const tsx = createRequire(import.meta.url).resolve("tsx/cli");
const items = [...Array(COUNT).keys()];

/** Answers all questions from a process of its own, and gives the items in the order of their answers. */
async function answerElsewhere(path: string, seed: number): Promise<number[]> {
  const program = join(import.meta.dirname, "programs/answer.ts");
  const args = [tsx, program, path, String(COUNT), String(seed)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  return JSON.parse(text) as number[];
}

interface Shared {
  drafts?: number[];
  verdicts?: string[];
}

test.each(Array.from({ length: sized(5, 1) }, (_, at) => at + 1))(
  "200 approvals are answered in random order while some are still being asked (%i)",
  async (seed) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-approvals-"));
    onTestFinished(() => removeFolder(folder));
    const path = join(folder, "runs.db");
    let drafted = 0;
    const results: number[] = [];
    const suspendedWith: number[] = [];
    class Approve extends AsyncParallelBatchNode<Shared, number, string> {
      override prep({ drafts }: Shared) {
        return drafts;
      }
      override async exec(item: number, { ask }: Context) {
        await sleep((item * 37) % 60);
        const answer = await ask<string>({ item });
        results.push(item);
        return answer;
      }
      override post(shared: Shared, _drafts: unknown, verdicts: string[]) {
        shared.verdicts = verdicts;
      }
    }
    const draft = node({
      name: "Draft",
      exec: () => {
        drafted++;
        return items;
      },
      post: (shared: Shared, _, drafts) => void (shared.drafts = drafts),
    });
    draft.next(new Approve({ name: "Approve", concurrency: 8 }));
    const flow = new Flow(draft, { name: "Approvals" });
    const journal = await openJournal(path);
    onTestFinished(() => journal.close());

    const answers = answerElsewhere(path, seed);
    let shared: Shared;
    for (;;) {
      shared = {};
      try {
        await flow.run(shared, { journal, runId: "r" });
        break;
      } catch (error) {
        expect(error).toMatchObject({ code: "SUSPENDED" });
        suspendedWith.push((error as { count: number }).count);
        await sleep(20);
      }
    }

    expect(shared.verdicts).toEqual(items.map((item) => `yes to ${item}`));
    const order = await answers;
    expect([...order].sort((a, b) => a - b)).toEqual(items); // each was asked once
    expect(order).not.toEqual(items);
    expect([...results].sort((a, b) => a - b)).toEqual(items); // and gave one result
    expect(drafted).toBe(1);
    expect(suspendedWith.every((count) => count > 0 && count <= COUNT)).toBe(true);
    expect(await journal.questions()).toEqual([]);
  },
  60_000,
);
