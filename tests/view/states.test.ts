// How the states of runs, nodes and spans are told: failures among successes, runs without an end, runs of one id, sums.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { AsyncParallelBatchFlow, AsyncParallelBatchNode, Flow, node } from "sluice";
import { openJournal } from "sluice/journal";
import { recordTrace } from "sluice/trace";
import { describe, expect, test, vi } from "vitest";
import { chromeEvents } from "../../src/cli/chrome-events.js";
import { summaryOf } from "../../src/cli/summary.js";
import { isGone, writerIn } from "../../src/cli/writer.js";
import { factsOf } from "../../src/view/model/node-facts.js";
import type { RunModel } from "../../src/view/model/run-model.js";
import { placeOf, type Span } from "../../src/view/model/span.js";
import { TraceModel } from "../../src/view/model/trace-model.js";
import { lineOf, stateOf } from "../../src/view/page/graph-state.js";
import { deferred } from "../support/deferred.js";
import { batchFlow, scratch } from "../support/traced-flows.js";

const folder = scratch();

function read(path: string): TraceModel {
  const model = new TraceModel();
  for (const line of readFileSync(path, "utf8").trimEnd().split("\n"))
    expect(model.add(line)).toBeUndefined();
  return model;
}
async function record(flow: Flow<object>): Promise<RunModel> {
  const trace = recordTrace(join(folder, "run.jsonl"));
  await flow.run({}, { events: trace.events }).catch(() => {});
  await trace.close();
  return read(trace.path).runs[0] as RunModel;
}
const nodeOf = (run: RunModel, name: string) => run.graph.nodes.find((each) => each.name === name)!;

describe("a node with failures", () => {
  test("is not shown as done, whether items failed or visits", async () => {
    const items = await record(batchFlow(4));
    expect(["First", "Work", "Last"].map((name) => stateOf(nodeOf(items, name)))).toEqual([
      "done",
      "partial",
      "done",
    ]);
    class Each extends AsyncParallelBatchFlow<object, { n: number }, "collect"> {
      override prep() {
        return [{ n: 0 }, { n: 1 }, { n: 2 }];
      }
    }
    const leaf = node({
      name: "Leaf",
      exec: (_input, { params }) => {
        if ((params as { n: number }).n === 1) throw new Error("bad");
      },
    });
    const visits = await record(
      new Flow(new Each(leaf, { name: "Each", onError: "collect" }) as never, { name: "All" }),
    );
    expect(stateOf(nodeOf(visits, "Leaf"))).toBe("partial");
    expect(lineOf(nodeOf(visits, "Leaf"))).toMatch(/^3× · 1 failed · Σ /);
    const all = await record(new Flow(node({ name: "Leaf", exec: () => Promise.reject(new Error("bad")) })));
    expect(stateOf(nodeOf(all, "Leaf"))).toBe("failed");
  });
});

describe("a span in a list", () => {
  class Pages extends AsyncParallelBatchNode<object, number, number> {
    override prep() {
      return [0, 1];
    }
    override exec(n: number): number {
      if (n === 1) throw new Error("empty page");
      return n;
    }
  }
  class Files extends AsyncParallelBatchFlow<object, { file: number }, "collect"> {
    override prep() {
      return [{ file: 0 }, { file: 1 }];
    }
  }

  test("is named with the iterations that it is part of", async () => {
    const files = new Files(new Pages({ name: "Page", attempts: 2 }), { name: "File", onError: "collect" });
    const run = await record(new Flow(files as never, { name: "Read" }));
    expect(run.failures.map(placeOf).sort()).toEqual(["File [0] › Page [1]", "File [1] › Page [1]"]);
    expect(summaryOf(run)).toContain("failed: File [0] › Page [1]: Error: empty page");
    const attempt = [...run.spans.values()].find(({ kind, attempt }) => kind === "attempt" && attempt === 1);
    expect(placeOf(attempt as Span)).toMatch(/^File \[\d\] › Page \[1\], attempt 2$/);
  });
});

describe("a run that waits for a person", () => {
  test("is suspended, and nothing of it has failed", async () => {
    const journal = await openJournal(":memory:");
    const trace = recordTrace(join(folder, "suspended.jsonl"));
    const review = node({ name: "Review", exec: (_draft, { ask }) => ask("Publish this?") });
    const run = new Flow(review, { name: "Approvals" }).run(
      {},
      { events: trace.events, journal, runId: "letter" },
    );
    await expect(run).rejects.toMatchObject({ code: "SUSPENDED" });
    await trace.close();
    await journal.close();
    const [model] = read(trace.path).runs as [RunModel];
    expect([model.root.outcome, stateOf(nodeOf(model, "Review")), model.failures]).toEqual([
      "suspended",
      "suspended",
      [],
    ]);
    expect(summaryOf(model)).toMatch(/^Approvals · run letter · suspended · /);
  });
});

describe("a run that is resumed", () => {
  test("has what it used before apart from what its nodes use now", async () => {
    const journal = await openJournal(":memory:");
    let isDown = true;
    const draft = node({ name: "Draft", exec: (_input, { charge }) => charge(50) });
    const publish = node({
      name: "Publish",
      exec: (_input, { charge }) => {
        if (isDown) throw new Error("down");
        charge(7);
      },
    });
    draft.next(publish);
    const flow = new Flow(draft as never, { name: "Article" });
    const budget = { calls: 10 };
    await expect(flow.run({}, { journal, runId: "a", budget })).rejects.toThrow("down");
    isDown = false;
    const trace = recordTrace(join(folder, "resumed.jsonl"), { values: true });
    await flow.run({}, { events: trace.events, journal, runId: "a" });
    await trace.close();
    await journal.close();
    const [run] = read(trace.path).runs as [RunModel];
    const { calls, tokens } = nodeOf(run, "Publish").stats;
    expect([calls, tokens, run.tokens]).toEqual([1, 7, 57]);
    expect(run.before).toEqual({ calls: run.calls - 1, tokens: 50 });
  });
});

describe("pauses of a gate", () => {
  const line = (type: string, at: number, fields: object) =>
    JSON.stringify({ type, runId: "r", path: ["Main"], at, ...fields });
  const paused = (at: number, until: number, gate = "vendor") =>
    line("gate", at, { phase: "paused", gate, until });

  test("are one while refusals prolong it, and another when the gate has gone on", () => {
    const model = new TraceModel();
    for (const each of [
      line("run", 0, { phase: "start", id: 1 }),
      paused(1, 10),
      paused(2, 14),
      paused(3, 12),
      paused(4, 9, "other"),
      line("gate", 14, { phase: "resumed", gate: "vendor" }),
      paused(14, 20),
    ])
      expect(model.add(each)).toBeUndefined();
    expect(model.runs[0]?.pauses).toEqual([
      { gate: "vendor", start: 1, until: 14, end: 14 },
      { gate: "other", start: 4, until: 9, end: undefined },
      { gate: "vendor", start: 14, until: 20, end: undefined },
    ]);
  });
});

describe("retries and sums", () => {
  test("are the same number everywhere, and sums of what was parallel say so", async () => {
    class Hard extends AsyncParallelBatchNode<object, number, number> {
      override prep() {
        return [0, 1, 2];
      }
      override exec(n: number, { attempt }: { attempt: number }): number {
        if (attempt < n) throw new Error("again");
        return n;
      }
    }
    class Twice extends AsyncParallelBatchFlow<object, { n: number }> {
      override prep() {
        return [{ n: 0 }, { n: 1 }];
      }
    }
    const run = await record(
      new Flow(new Twice(new Hard({ name: "Hard", attempts: 3 }), { name: "Twice" }) as never, {
        name: "All",
      }),
    );
    const hard = nodeOf(run, "Hard");
    const { retries, retried } = factsOf(run, hard);
    expect([hard.stats.retries, retries, retried]).toEqual([6, 6, 4]);
    expect(summaryOf(run)).toMatch(/Hard +\S+ \S+ {2}sum of 2 visits, 6 items, 6 retries/);
  });
});

describe("a run without an end", () => {
  const start = { type: "run", phase: "start", runId: "r", id: 1, path: ["Main"], at: 1 };
  const step = { type: "step", phase: "start", runId: "r", id: 2, parent: 1, path: ["Main", "Ask"], at: 2 };
  const modelOf = (head: object) => {
    const model = new TraceModel();
    for (const line of [head, start, step]) model.add(JSON.stringify(line));
    return model;
  };

  test("is interrupted where the process that wrote it is gone, and else unfinished", () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const head = { type: "trace", version: 1, at: 0, pid, host: hostname() };
    const model = modelOf(head);
    expect(isGone(model.writer)).toBe(true);
    model.close("interrupted");
    const run = model.runs[0] as RunModel;
    expect([run.root.outcome, stateOf(nodeOf(run, "Ask")), nodeOf(run, "Ask").stats.running]).toEqual([
      "interrupted",
      "interrupted",
      0,
    ]);
    expect(summaryOf(run)).toMatch(/^Main · run r · interrupted · /);
    expect(chromeEvents([run]).find(({ name }) => name === "Ask")?.args.outcome).toBe("interrupted");
  });

  test("is not said to be interrupted while its process lives, of another machine, or of an old trace", () => {
    const head = { type: "trace", version: 1, at: 0 };
    for (const writer of [
      { pid: process.pid, host: hostname() },
      { pid: 999_999_999, host: "elsewhere" },
      { pid: 999_999_999 },
      {},
    ]) {
      expect(isGone(writerIn(JSON.stringify({ ...head, ...writer })))).toBe(false);
    }
  });

  test("says which process writes it", async () => {
    const trace = recordTrace(join(folder, "head.jsonl"));
    await trace.close();
    expect(read(trace.path).writer).toEqual({ pid: process.pid, host: hostname() });
  });
});

describe("a run id that is used twice", () => {
  const flowOf = (name: string, gate: Promise<void>) =>
    new Flow(node({ name, exec: () => gate, post: () => name }), { name: "Main" });

  test("is two runs, at the same time too, and neither takes what is the other's", async () => {
    const trace = recordTrace(join(folder, "twins.jsonl"));
    const { events } = trace;
    const heard: string[] = [];
    events.on("step", ({ phase, path }) => heard.push(`${phase} ${path.at(-1)}`));
    const [first, second, third] = [deferred(), deferred(), deferred()];
    const a = flowOf("A", first.promise).run({}, { events, runId: "same" });
    const b = flowOf("B", second.promise).run({}, { events, runId: "same" });
    first.resolve();
    await a;
    const c = flowOf("C", third.promise).stream({}, { events, runId: "same" }); // a stream records as well
    third.resolve();
    for await (const _event of c);
    second.resolve();
    await b;
    await trace.close();
    const { runs } = read(trace.path);
    expect(
      runs.map(({ id, root }) => [id, root.outcome, root.action, root.children.map(({ node }) => node.name)]),
    ).toEqual([
      ["same", "done", "A", ["A"]],
      ["same", "done", "B", ["B"]],
      ["same", "done", "C", ["C"]],
    ]);
    expect(heard).toEqual(["start A", "start B", "end A", "start C", "end C", "end B"]);
  });
});

describe("a lane of the timeline with little room", () => {
  const colours = new Proxy({}, { get: (_target, name) => String(name) });

  /** The types of the page's modules are those of a browser. */
  const page = vi.importActual<{ paintLane(scene: object, lane: object, y: number): void }>(
    "../../src/view/page/paint-lanes.js",
  );

  /** The colours that a lane is painted with, each with the height of its tallest mark. */
  async function painted(span: object, height: number, width: number): Promise<Map<string, number>> {
    const tallest = new Map<string, number>();
    const context = {
      fillStyle: "",
      globalAlpha: 1,
      fillRect(_x: number, _y: number, _wide: number, tall: number) {
        tallest.set(this.fillStyle, Math.max(tall, tallest.get(this.fillStyle) ?? 0));
      },
      beginPath() {},
      roundRect() {},
      fill() {},
    };
    const scene = {
      context: context as never,
      colours,
      width,
      from: 0,
      to: 100,
      now: 100,
      stands: undefined,
    };
    (await page).paintLane(scene, { y: 0, height, spans: [span], crowd: false }, 0);
    return tallest;
  }

  test.each([
    [7, 1_000, "wide enough for its parts"],
    [7, 2, "narrower than its parts"],
  ])("a failed item, %i high and %i wide (%s), still shows its wait at the gate", async (height, width) => {
    const item = {
      ...base(),
      start: 10,
      end: 90,
      outcome: "failed",
      waits: [{ gate: "vendor", start: 10, end: 70 }],
    };
    const attempt = {
      ...base(),
      kind: "attempt",
      attempt: 0,
      start: 70,
      end: 90,
      outcome: "failed",
      parent: item,
    };
    Object.assign(item, { children: [attempt] });
    const marks = await painted(item, height, width);
    expect(marks.get("hatch") ?? marks.get("gate")).toBe(height);
    expect(marks.get("failed")).toBeGreaterThan(0);
  });

  const base = () => ({ id: 1, kind: "item", node: { name: "Work" }, children: [], waits: [], data: [] });
});
