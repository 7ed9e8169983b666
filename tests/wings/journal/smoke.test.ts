// biome-ignore-all lint/suspicious/noExplicitAny: stores of any shape
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AsyncParallelBatchFlow, AsyncParallelBatchNode, Flow, node, parallel } from "sluice";
import { describe, expect, test } from "vitest";
import { openJournal } from "../../../src/wings/journal/index.js";
import { removeFolder } from "../../support/remove-folder.js";

describe.each(["memory", "sqlite"])("%s", (kind) => {
  const open = async () => {
    if (kind === "memory") return { journal: await openJournal(":memory:"), end: () => {} };
    const folder = mkdtempSync(join(tmpdir(), "sluice-journal-"));
    return {
      journal: await openJournal(join(folder, "runs.db")),
      end: () => removeFolder(folder),
    };
  };
  test("chain fails and resumes", async () => {
    const { journal, end } = await open();
    const calls: string[] = [];
    let broken = true;
    const make = () => {
      const a = node({
        name: "First",
        prep: (s: any) => s.n,
        exec: (n: number) => {
          calls.push("a");
          return n + 1;
        },
        post: (s: any, _p, r) => {
          s.n = r;
        },
      });
      const b = node({
        name: "Second",
        prep: (s: any) => s.n,
        exec: (n: number) => {
          calls.push("b");
          if (broken) throw new Error("no");
          return n * 2;
        },
        post: (s: any, _p, r) => {
          s.n = r;
          return "end";
        },
      });
      a.next(b);
      b.end("end");
      return new Flow(a, { name: "Main" });
    };
    const shared: any = { n: 1 };
    await expect(make().run(shared, { journal, runId: "r1" })).rejects.toThrow("no");
    expect((await journal.run("r1"))?.state).toBe("failed");
    broken = false;
    const again: any = {};
    expect(await make().run(again, { journal, runId: "r1" })).toBe("end");
    expect(again).toEqual({ n: 4 });
    expect(calls).toEqual(["a", "b", "b"]);
    const third: any = {};
    expect(await make().run(third, { journal, runId: "r1" })).toBe("end");
    expect(third).toEqual({ n: 4 });
    expect(calls.length).toBe(3);
    await journal.close();
    await end();
  });

  test("batch, batch flow, parallel, ask", async () => {
    const { journal, end } = await open();
    const calls = new Map<string, number>();
    const count = (what: string) => calls.set(what, (calls.get(what) ?? 0) + 1);
    let failAt = 7;
    class Items extends AsyncParallelBatchNode<any, number, number> {
      override prep(s: any) {
        s.queue = [];
        return [...Array(20).keys()];
      }
      override async exec(n: number) {
        count(`item ${n}`);
        await new Promise((r) => setTimeout(r, 1));
        if (n === failAt) {
          failAt = -1;
          throw new Error("item");
        }
        return n * n;
      }
      override onResult(s: any, r: number) {
        s.sum = (s.sum ?? 0) + r;
      }
    }
    class Each extends AsyncParallelBatchFlow<any, any> {
      override prep() {
        return [1, 2, 3, 4].map((n) => ({ n }));
      }
      override fork(_s: any, { n }: any) {
        return { n, log: [] };
      }
      override join(s: any, _p: any, local: any) {
        (s.joined ??= []).push(local.log.join());
      }
    }
    const one = node({
      name: "One",
      prep: (s: any) => s.n,
      exec: async (n: number) => {
        count(`one ${n}`);
        return n;
      },
      post: (s: any, _p, n) => {
        s.log.push(`one${n}`);
      },
    });
    const two = node({
      name: "Two",
      prep: (s: any) => s.n,
      exec: async (n: number, ctx) => {
        count(`two ${n}`);
        const v = await ctx.ask<string>({ n });
        return v;
      },
      post: (s: any, _p, v) => {
        s.log.push(v);
      },
    });
    one.next(two);
    const left = node({
      name: "Left",
      exec: async () => {
        count("left");
        return 1;
      },
      post: (s: any) => {
        s.left = true;
      },
    });
    const right = node({
      name: "Right",
      exec: async (_n, ctx) => {
        count("right");
        return ctx.ask<string>("right?");
      },
      post: (s: any, _p, v) => {
        s.right = v;
      },
    });
    const first = new Items({ name: "Items", concurrency: 4 });
    const each = new Each(one, { name: "Each" });
    const both = parallel([left, right], { name: "Both" });
    first.next(each).next(both);
    const flow = new Flow(first, { name: "Main" });
    const run = (shared: any) => flow.run(shared, { journal, runId: "r2" });
    await expect(run({})).rejects.toThrow("item");
    const error: any = await run({}).catch((e) => e);
    expect(error.code).toBe("SUSPENDED");
    expect(error.count).toBe(4);
    for (const q of error.questions) await journal.answer(q.token, `yes${q.question.n}`);
    const error2: any = await run({}).catch((e) => e);
    expect(error2.code, String(error2?.stack)).toBe("SUSPENDED");
    expect(error2.questions.map((q: any) => q.question)).toEqual(["right?"]);
    await journal.answer(error2.questions[0].token, "R");
    const shared: any = {};
    await run(shared);
    expect(shared.sum).toBe([...Array(20).keys()].reduce((a, n) => a + n * n, 0));
    expect([...shared.joined].sort()).toEqual(["one1,yes1", "one2,yes2", "one3,yes3", "one4,yes4"]);
    expect(shared).toMatchObject({ left: true, right: "R" });
    expect(calls.get("left")).toBe(1);
    expect(calls.get("right")).toBe(2);
    for (const n of [1, 2, 3, 4]) {
      expect(calls.get(`one ${n}`)).toBe(1);
      expect(calls.get(`two ${n}`)).toBe(2);
    }
    await journal.close();
    await end();
  });
});
