// What is made of a trace: the tree of a run, its graph, its lanes; whatever lines the file has.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AsyncParallelBatchFlow, Flow, node, parallel } from "sluice";
import { recordTrace } from "sluice/trace";
import { describe, expect, test } from "vitest";
import { countCrowd } from "../../src/view/model/crowd.js";
import { intoTracks, layLanes } from "../../src/view/model/lanes.js";
import { factsOf } from "../../src/view/model/node-facts.js";
import type { RunModel } from "../../src/view/model/run-model.js";
import { segmentsOf } from "../../src/view/model/segments.js";
import { attemptsOf, type Span } from "../../src/view/model/span.js";
import { TraceModel } from "../../src/view/model/trace-model.js";
import { duration } from "../../src/view/model/words.js";
import { lineOf } from "../../src/view/page/graph-state.js";
import { batchFlow, scratch } from "../support/traced-flows.js";

const folder = scratch();

async function record(flow: Flow<object>, shared = {}): Promise<string[]> {
  const trace = recordTrace(join(folder, "run.jsonl"), { data: true });
  await flow.run(shared, { events: trace.events }).catch(() => {});
  await trace.close();
  return readFileSync(trace.path, "utf8").trimEnd().split("\n");
}

function read(lines: readonly string[]): RunModel {
  const model = new TraceModel();
  for (const line of lines) expect(model.add(line)).toBeUndefined();
  return model.runs[0] as RunModel;
}

const node_ = (run: RunModel, name: string) => run.graph.nodes.find((each) => each.name === name)!;
const names = (spans: readonly Span[]) => spans.map(({ node, index }) => `${node.name}${index ?? ""}`);

/** A loop, a nested flow with nodes of one name, branches of one name, and a batch flow. */
function nested() {
  let rounds = 0;
  const [first, second] = [node({ name: "Same" }), node({ name: "Same" })];
  first.next(second);
  const inner = new Flow(first, { name: "Inner" });
  const judge = node({ name: "Judge", post: () => (++rounds < 3 ? ("again" as const) : ("good" as const)) });
  const both = parallel([node({ name: "Twin" }), node({ name: "Twin" })], { name: "Both" });
  class Each extends AsyncParallelBatchFlow<object, { n: number }> {
    override prep() {
      return [{ n: 1 }, { n: 2 }];
    }
  }
  const each = new Each(node({ name: "Leaf" }), { name: "Each" });
  inner.next(judge);
  judge.on("again", inner).on("good", both);
  both.next(each);
  return new Flow(inner as never, { name: "Outer" });
}

describe("a run", () => {
  test("is a tree of steps, items and attempts with their waits", async () => {
    const run = read(await record(batchFlow()));
    expect(run.root).toMatchObject({ kind: "run", outcome: "done", action: "done" });
    expect(names(run.root.children)).toEqual(["First", "Work", "Last"]);
    const items = run.root.children[1]!.children;
    expect(items.map(({ index, outcome }) => [index, outcome])).toEqual([
      [0, "done"],
      [1, "done"],
      [2, "failed"],
      [3, "done"],
    ]);
    expect(attemptsOf(items[1]!).map(({ outcome, attempt }) => [attempt, outcome])).toEqual([
      [0, "failed"],
      [1, "done"],
    ]);
    expect(items[3]!.waits).toEqual([{ gate: "vendor", start: expect.any(Number), end: expect.any(Number) }]);
    expect(items[0]).toMatchObject({ emitted: 1, data: [{ value: "secret 0" }] });
    expect(run.failures.map(({ kind, index, error }) => [kind, index, error?.message])).toEqual([
      ["item", 2, "always"],
    ]);
    expect(node_(run, "Work").stats).toMatchObject({
      visits: 1,
      items: 4,
      itemsDone: 3,
      itemsFailed: 1,
      retries: 2,
    });
  });

  test("finds its nodes in the graph, though some share their names and paths", async () => {
    const run = read(await record(nested()));
    expect(run.graph.given).toBe(true);
    const visits = run.graph.nodes.map(({ name, stats }) => [name, stats.visits]);
    expect(visits).toEqual([
      ["Outer", 1],
      ["Inner", 3],
      ["Judge", 3],
      ["Both", 1],
      ["Each", 1],
      ["Same", 3],
      ["Same", 3],
      ["Twin", 1],
      ["Twin", 1],
      ["Leaf", 2],
    ]);
    const taken = run.graph.nodes.flatMap(({ links }) =>
      links.map(({ action, to, taken }) => [action, to?.name, taken]),
    );
    expect(taken).toEqual([
      ["default", "Judge", 3],
      ["again", "Inner", 2],
      ["good", "Both", 1],
      ["default", "Each", 1],
      ["default", "Same", 3],
    ]);
  });

  test("without a graph has the one that was seen", async () => {
    const lines = (await record(nested())).filter((line) => !line.includes('"type":"graph"'));
    const run = read(lines);
    expect(run.graph.given).toBe(false);
    expect(run.graph.nodes.map(({ path }) => path.join("/"))).toEqual([
      "Outer",
      "Outer/Inner",
      "Outer/Inner/Same",
      "Outer/Judge",
      "Outer/Both",
      "Outer/Both/Twin",
      "Outer/Each",
      "Outer/Each/Leaf",
    ]);
    expect(node_(run, "Judge").links.map(({ action, to, taken }) => [action, to?.name, taken])).toEqual([
      ["again", "Inner", 2],
      ["good", "Both", 1],
    ]);
  });

  test("can be read from any beginning of its file, and without its start", async () => {
    const lines = await record(batchFlow());
    for (let length = 3; length < lines.length; length++) {
      const run = read(lines.slice(0, length));
      expect(run.root.outcome).toBe("running");
      expect(layLanes(run.root, run.end, false).lanes.length).toBeGreaterThan(0);
    }
    for (let from = 3; from < lines.length; from++) expect(read(lines.slice(from)).graph.given).toBe(false);
  });

  test("what is wrong with a line is said", () => {
    const model = new TraceModel();
    const event = { type: "step", phase: "start", runId: "r", id: 2, path: ["A"], at: 1 };
    const wrong: [unknown, string][] = [
      ["{", "expected a JSON object, got"],
      [[], "expected a JSON object"],
      [{ type: "trace", version: 2 }, "expected a trace of version 1, got 2"],
      [{ type: "other" }, '`type` to be that of an event, got "other"'],
      [{ ...event, runId: 1 }, "`runId` to be text, got 1"],
      [{ ...event, at: "1" }, '`at` to be a number, got "1"'],
      [{ ...event, path: "A" }, "`path` to be a list"],
      [{ ...event, phase: "middle" }, "`phase` to be start or end"],
      [{ ...event, id: undefined }, "`id` to be a number, got nothing"],
      [{ ...event, error: { name: "E" } }, "`error` to have a name and a message"],
    ];
    for (const [line, reason] of wrong) {
      expect(model.add(typeof line === "string" ? line : JSON.stringify(line))).toContain(reason);
    }
    expect(model.runs).toEqual([]);
  });

  test("a graph that is none is not used", () => {
    const start = { type: "run", phase: "start", runId: "r", id: 1, path: ["A"], at: 1, graph: 1 };
    const good = { id: "A", name: "A", kind: "flow", path: ["A"] };
    for (const graph of [
      null,
      [],
      { nodes: [], links: [] },
      { nodes: [{ ...good, parent: "A" }], links: [] },
      { nodes: [good, { ...good }], links: [] },
      { nodes: [good, { ...good, id: "B", parent: "C" }], links: [] },
      { nodes: [{ ...good, path: "A" }], links: [] },
    ]) {
      const lines = [{ type: "graph", id: 1, graph }, start].map((line) => JSON.stringify(line));
      expect(read(lines).graph.given, JSON.stringify(graph)).toBe(false);
    }
  });
});

describe("progress", () => {
  const line = (fields: object) => JSON.stringify({ runId: "r", path: ["Main", "Ask"], at: 1, ...fields });
  const started = [
    line({ type: "run", phase: "start", id: 1, path: ["Main"] }),
    line({ type: "step", phase: "start", id: 2, parent: 1 }),
    ...[3, 4].map((id) => line({ type: "item", phase: "start", id, parent: 2, index: id - 3 })),
    line({ type: "item", phase: "end", id: 3, parent: 2, index: 0, outcome: "done" }),
  ];
  const told = (total: number | undefined, remaining?: number) =>
    line({ type: "progress", parent: 2, done: 1, failed: 0, total, rate: 2, remaining });

  test("gives a batch its total and the time left, also while it goes on", () => {
    const lineIn = (lines: readonly string[]) => lineOf(node_(read(lines), "Ask"));
    expect(lineIn(started)).toBe("1 of 2 items · running");
    expect(lineIn([...started, told(undefined)])).toBe("1 of 2 items · running");
    expect(lineIn([...started, told(5_000, 90_000)])).toMatch(/^1 of 5,000 items · 1.*30.* left$/);
    expect(lineIn([...started, told(5_000, 90_000), told(5_000, 61_000)])).toMatch(
      /^1 of 5,000 items · 1.*1.* left$/,
    );
    const error = { name: "Error", message: "bad" };
    const bad = line({ type: "item", phase: "end", id: 4, parent: 2, index: 1, outcome: "failed", error });
    expect(lineIn([...started, bad, told(5_000, 61_000)])).toMatch(/^2 of 5,000 · 1 failed · 1.*1.* left$/);
    const ended = line({ type: "step", phase: "end", id: 2, parent: 1, at: 9, outcome: "failed" });
    expect(lineIn([...started, told(5_000, 90_000), ended])).toBe("1 of 5,000 items · 8.00 ms");
    // The page of a run that is over gets these lines last.
    expect(lineIn([...started, ended, told(5_000, 90_000)])).toBe("1 of 5,000 items · 8.00 ms");
  });

  test("adds up over the visits of a batch", () => {
    const ended = line({ type: "step", phase: "end", id: 2, parent: 1, outcome: "done" });
    const again = line({ type: "step", phase: "start", id: 9, parent: 1 });
    const more = line({ type: "progress", parent: 9, done: 1, failed: 0, total: 7, rate: 2 });
    const run = read([...started, told(5), ended, again, more]);
    expect(node_(run, "Ask").stats.total).toBe(12);
  });
});

describe("the timeline", () => {
  const span = (id: number, start: number, end?: number) => ({ id, start, end }) as Span;

  test("puts what overlaps into tracks of their own, and no more than needed", () => {
    const spans = [span(1, 0, 10), span(2, 0, 5), span(3, 5, 8), span(4, 9, 12), span(5, 10), span(6, 11)];
    const tracks = intoTracks(spans, 20).map((track) => track.map(({ id }) => id));
    expect(tracks).toEqual([[1, 5], [2, 3, 4], [6]]);
  });

  test("lays the items of a batch below it, and draws very many as a crowd that can be opened", async () => {
    const run = read(await record(batchFlow(500)));
    const { lanes } = layLanes(run.root, run.end, false);
    expect(names(lanes[1]!.spans)).toEqual(["First", "Work", "Last"]);
    for (const { spans, crowd } of lanes) {
      if (crowd) continue;
      for (const [i, each] of spans.entries()) {
        expect(each.start).toBeGreaterThanOrEqual(spans[i - 1]?.end ?? 0);
      }
    }
    for (const item of run.root.children[1]!.children) Object.assign(item, { end: run.end });
    expect(layLanes(run.root, run.end, false)).toMatchObject({ crowded: true });
    expect(layLanes(run.root, run.end, true).lanes.length).toBeGreaterThan(400);
  });

  test("a crowd counts each span for just its time", async () => {
    const run = read(await record(batchFlow(50)));
    const items = run.root.children[1]!.children;
    const { counts } = countCrowd(items, run.end, 0, run.end, 97);
    const sum = (values: Float64Array) =>
      values.slice(0, 97).reduce((all, each) => all + each, 0) * (run.end / 97);
    const real = (doing: string) =>
      items
        .flatMap((item) => segmentsOf(item, run.end))
        .filter((segment) => segment.doing === doing)
        .reduce((all, { start, end }) => all + end - start, 0);
    expect(sum(counts.gate)).toBeCloseTo(real("gate"), 3);
    expect(sum(counts.attempt) + sum(counts.tried)).toBeCloseTo(real("attempt"), 3);
  });

  test("figures of a node are those of its items", async () => {
    const run = read(await record(batchFlow(50)));
    const facts = factsOf(run, node_(run, "Work"));
    expect(facts).toMatchObject({ areItems: true, failed: 1, retried: 2 });
    expect(facts.histogram.reduce((sum, count) => sum + count, 0)).toBe(50);
    expect(facts.durations.least).toBeLessThanOrEqual(facts.durations.middle);
  });
});

test.each([
  [0, "0 ms"],
  [0.0123, "12 µs"],
  [1.234, "1.23 ms"],
  [999.9, "1.00 s"],
  [12_345, "12.3 s"],
  [61_000, "1 min 1 s"],
  [3_723_000, "1 h 2 min"],
])("%d ms are said as %s", (ms, words) => {
  expect(duration(ms)).toBe(words);
});
