import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  chain,
  Flow,
  Gate,
  locate,
  Node,
  node,
  parallel,
  SluiceError,
} from "sluice";
import { type GraphNode, toJSON } from "sluice/diagram";
import { describe, expect, test, vi } from "vitest";

const named = (name: string) => new Node({ name });
const find = (nodes: readonly GraphNode[], id: string) =>
  nodes.find((each) => each.id === id) ?? expect.unreachable(`${id} of ${nodes.map((each) => each.id)}`);

describe("the graph", () => {
  test("has each node once, with its path, and each link, in the order of a walk", () => {
    const draft = named("Draft");
    const review = named("Review");
    draft.next(review).on("again", draft).end("done").next(named("Print"));
    expect(toJSON(new Flow(draft, { name: "Essay" }))).toEqual({
      version: 1,
      name: "Essay",
      nodes: [
        { id: "Essay", name: "Essay", kind: "flow", path: ["Essay"], start: "Essay/Draft" },
        { id: "Essay/Draft", name: "Draft", kind: "node", path: ["Essay", "Draft"], parent: "Essay" },
        { id: "Essay/Review", name: "Review", kind: "node", path: ["Essay", "Review"], parent: "Essay" },
        { id: "Essay/Print", name: "Print", kind: "node", path: ["Essay", "Print"], parent: "Essay" },
      ],
      links: [
        { from: "Essay/Draft", action: "default", to: "Essay/Review" },
        { from: "Essay/Review", action: "again", to: "Essay/Draft" },
        { from: "Essay/Review", action: "done", to: null },
        { from: "Essay/Review", action: "default", to: "Essay/Print" },
      ],
    });
  });

  test("recognises every kind, also of subclasses", () => {
    class Own extends AsyncParallelBatchNode {}
    class OwnFlow extends BatchFlow {}
    class Odd extends Node {
      readonly start = "mine";
      readonly branches = ["mine", "too"];
    }
    const all: [BaseNode, string][] = [
      [new Node({ name: "a" }), "node"],
      [node({ name: "b" }), "node"],
      [new Odd(), "node"],
      [new BatchNode({ name: "c" }), "batch"],
      [new AsyncParallelBatchNode({ name: "d", concurrency: 1 }), "parallelBatch"],
      [new Own({ name: "e" }), "parallelBatch"],
      [new Flow(named("x"), { name: "f" }), "flow"],
      [new BatchFlow(named("x"), { name: "g" }), "batchFlow"],
      [new OwnFlow(named("x"), { name: "h" }), "batchFlow"],
      [new AsyncParallelBatchFlow(named("x"), { name: "i" }), "parallelBatchFlow"],
      [parallel([named("x")], { name: "j" }), "parallel"],
    ];
    const [[first], ...rest] = all as [[BaseNode, string], ...[BaseNode, string][]];
    const { nodes } = toJSON(new Flow(chain(first, ...rest.map(([each]) => each))));
    const listed = nodes.filter(({ parent }) => parent === "Flow");
    expect(listed.map(({ name, kind }) => [name, kind])).toEqual(
      all.map(([each, kind]) => [each.name, kind]),
    );
  });

  test("has what the options say, without what is default, and is JSON", () => {
    const gate = new Gate({ name: "vendor", concurrency: 32, rate: { requests: 500, per: 60_000 } });
    const busy = new AsyncParallelBatchNode({
      name: "Busy",
      gate,
      rate: { tokens: 9, per: 1_000, burst: 10 },
      attempts: 3,
      timeout: 50,
      onError: "collect",
      requires: ["texts"],
    });
    const free = new AsyncParallelBatchFlow(named("x"), {
      name: "Free",
      concurrency: Number.POSITIVE_INFINITY,
    });
    busy.next(free).next(new Node({ name: "Open", gate: new Gate() }));
    const graph = toJSON(new Flow(busy, { name: "Main", strict: true, params: { a: 1 } }));
    expect(find(graph.nodes, "Main/Busy")).toEqual({
      id: "Main/Busy",
      name: "Busy",
      kind: "parallelBatch",
      path: ["Main", "Busy"],
      parent: "Main",
      concurrency: 16,
      onError: "collect",
      attempts: 3,
      timeout: 50,
      requires: ["texts"],
      gates: [
        { name: "vendor", concurrency: 32, rate: { requests: 500, per: 60_000 } },
        { rate: { tokens: 9, per: 1_000, burst: 10 } },
      ],
    });
    expect(find(graph.nodes, "Main/Free").concurrency).toBe(null);
    expect(find(graph.nodes, "Main/Open").gates).toEqual([{}]);
    expect(JSON.parse(JSON.stringify(graph))).toEqual(graph);
  });

  test("shows the branches of a parallel without their links, which are not followed", () => {
    const [left, right, never] = [named("Left"), named("Right"), named("Never")];
    left.next(never);
    const both = parallel([left, right, left], { name: "Both", until: "any" });
    both.next(named("After"));
    const { nodes, links } = toJSON(new Flow(both));
    expect(find(nodes, "Flow/Both")).toMatchObject({
      branches: ["Flow/Both/Left", "Flow/Both/Right", "Flow/Both/Left"],
      until: "any",
    });
    expect(nodes.map(({ id }) => id)).not.toContain("Flow/Both/Never");
    expect(links).toEqual([{ from: "Flow/Both", action: "default", to: "Flow/After" }]);
  });

  test("lists one object in two flows twice, and its paths are those of locate()", async () => {
    const fails = node({ name: "Fails", exec: () => Promise.reject(new Error("no")) });
    const [first, second] = ["First", "Second"].map((name) => new Flow(fails, { name })) as [Flow, Flow];
    const flow = new Flow(chain(named("A"), first, second), { name: "Main" });
    const { nodes } = toJSON(flow);
    const places = nodes.filter(({ name }) => name === "Fails").map(({ id, path }) => [id, path]);
    expect(places).toEqual([
      ["Main/First/Fails", ["Main", "First", "Fails"]],
      ["Main/Second/Fails", ["Main", "Second", "Fails"]],
    ]);
    const error = await flow.run({}).catch((reason: unknown) => reason);
    expect(nodes.map(({ path }) => path)).toContainEqual(locate(error)?.path);
  });

  test("lists a flow inside itself once, and says where it repeats", () => {
    const work = named("Work");
    const self = new Flow(work, { name: "Self" });
    const outer = new Flow(self, { name: "Outer" });
    work.next(parallel([self, outer], { name: "Both" }));
    const { nodes } = toJSON(outer);
    expect(nodes.map(({ id, repeats }) => [id, repeats])).toEqual([
      ["Outer", undefined],
      ["Outer/Self", undefined],
      ["Outer/Self/Work", undefined],
      ["Outer/Self/Both", undefined],
      ["Outer/Self/Both/Self", "Outer/Self"],
      ["Outer/Self/Both/Outer", "Outer"],
    ]);
  });

  test("of another build of sluice in the same process is the same", async () => {
    const build = async () => {
      const other = await import("sluice");
      const gate = new other.Gate({ name: "g", concurrency: 2 });
      const batch = new other.AsyncParallelBatchNode({ name: "Batch", gate, concurrency: 4 });
      batch.next(other.parallel([new other.BatchFlow(new other.Node({ name: "N" }), { name: "F" })]));
      return { Flow: other.Flow, flow: new other.Flow(batch, { name: "Main" }) };
    };
    const here = await build();
    vi.resetModules();
    const there = await build();
    expect(there.Flow).not.toBe(here.Flow);
    expect(toJSON(there.flow)).toEqual(toJSON(here.flow));
  });

  test.each([
    [
      undefined,
      "expected a flow, got undefined; give it what you call run() on, such as toJSON(new Flow(firstNode))",
    ],
    [{ start: 1 }, "expected a flow, got an object (Object); give it"],
    [Flow, "expected a flow, got a function (Flow); write `new` before the class"],
    [named("A"), 'expected a flow, got the node "A"; wrap the first node: toJSON(new Flow(node))'],
    [parallel([named("A")]), 'expected a flow, got the node "parallel"; wrap'],
  ])("of no flow is an error that says what to do: %#", (value, message) => {
    const draw = () => toJSON(value as unknown as Flow);
    expect(draw).toThrow(SluiceError);
    expect(draw).toThrow(expect.objectContaining({ code: "INVALID_NODE" }));
    expect(draw).toThrow(message);
  });
});

describe("large graphs", () => {
  /** Alike as nodes without a name are, which is the hard case for ids. */
  const rows: [string, (at: number) => string][] = [
    ["of one name", () => "node"],
    ["of two names", (at) => `node ${at % 2}`],
    ["of 5,000 names", (at) => `node ${at % 5_000}`],
    ["of 10,000 names", (at) => `node ${at}`],
  ];
  test.each(rows)("10,000 nodes in a row %s are listed in a moment, each with an id", (_names, nameOf) => {
    const all = Array.from({ length: 10_000 }, (_, at) => named(nameOf(at)));
    for (const [at, each] of all.entries())
      if (at > 0) all[at - 1]!.on(at % 3 === 0 ? "named" : "default", each);
    all.at(-1)!.next(all[0]!);
    const began = performance.now();
    const { nodes } = toJSON(new Flow(all[0]!));
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(10_001);
    expect(Math.max(...nodes.map(({ id }) => id.length))).toBeLessThan(40);
  });

  test("10,000 branches of one name, and flows 500 deep, too", () => {
    const wide = parallel(Array.from({ length: 10_000 }, () => named("node")));
    let deep: BaseNode = wide;
    for (let depth = 0; depth < 500; depth++) deep = new Flow(deep, { name: `F${depth}` });
    const began = performance.now();
    const { nodes } = toJSON(deep);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(10_501);
  });
});
