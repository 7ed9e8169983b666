// What an id depends on: graphs at random, each built twice, as it was and with a change.
import { fc, test as property } from "@fast-check/vitest";
import { type BaseNode, chain, Flow, Node, parallel } from "sluice";
import { toJSON } from "sluice/diagram";
import { describe, expect, test } from "vitest";

interface Graph {
  readonly names: readonly string[];
  /** From, action, to; in the order in which they are made. */
  readonly links: readonly (readonly [number, string, number])[];
  readonly start: number;
}

/** The id of each node of a graph, by its number; nothing for those that cannot be reached. */
function idsOf({ names, links, start }: Graph): (string | undefined)[] {
  // Names and numbers meet in the order of the list, so that ids can be told apart by number here.
  const nodes = names.map((name, at) => new Node({ name, requires: [String(at)] }));
  for (const [from, action, to] of links) nodes[from]!.on(action, nodes[to]!);
  const listed = toJSON(new Flow(nodes[start]!, { name: "Main" })).nodes;
  const byNumber = new Map(listed.map(({ id, requires }) => [requires?.[0], id]));
  return names.map((_, at) => byNumber.get(String(at)));
}

/** Up to nine nodes, each action of a node linked once; names as the argument has them. */
const graphs = (nameOf: (letter: number, at: number) => string): fc.Arbitrary<Graph> =>
  fc.integer({ min: 2, max: 9 }).chain((size) => {
    const one = fc.nat({ max: size - 1 });
    const link = fc.tuple(one, fc.constantFrom("default", "default", "a", "b"), one);
    const options = {
      maxLength: 3 * size,
      selector: ([from, action]: [number, string, number]) => `${from} ${action}`,
    };
    return fc.record({
      names: fc.array(fc.nat({ max: 2 }), { minLength: size, maxLength: size }).map((all) => all.map(nameOf)),
      links: fc.uniqueArray(link, options),
      start: one,
    });
  });
const alike = graphs((letter) => "ABC"[letter]!);
const distinct = graphs((_, at) => `N${at}`);

const added = ({ names, ...rest }: Graph, name = "Fresh"): Graph => ({ names: [...names, name], ...rest });
const last = ({ names }: Graph) => names.length;

const changes: Record<string, (graph: Graph, at: number) => Graph> = {
  "a node after another": (graph, at) => ({
    ...added(graph),
    links: [...graph.links, [at % last(graph), "fresh", last(graph)]],
  }),
  "a node before the first": (graph) => ({
    ...added(graph),
    links: [...graph.links, [last(graph), "default", graph.start]],
    start: last(graph),
  }),
  "a node in the middle of a link": (graph, at) => {
    const middle = graph.links[at % Math.max(1, graph.links.length)];
    if (middle === undefined) return graph;
    const [from, action, to] = middle;
    const links = graph.links.map((link) =>
      link === middle ? ([from, action, last(graph)] as const) : link,
    );
    return { ...added(graph), links: [...links, [last(graph), "default", to]] };
  },
};

/** The nodes that are reached before and after. */
const both = (before: (string | undefined)[], after: (string | undefined)[]) =>
  before
    .map((id, at) => [id, after[at]] as const)
    .filter(([one, other]) => one !== undefined && other !== undefined);
const expectSame = (pairs: readonly (readonly [string | undefined, string | undefined])[]) =>
  expect(pairs.map(([, other]) => other)).toEqual(pairs.map(([one]) => one));

describe("ids do not change", () => {
  for (const [what, change] of Object.entries(changes)) {
    property.prop([alike, fc.nat()])(`by ${what}, even where many share a name`, (graph, at) => {
      const before = idsOf(graph);
      const after = idsOf(change(graph, at)).slice(0, before.length);
      expect(after).toEqual(before);
    });
  }

  property.prop([distinct, fc.nat(), fc.nat(), fc.constantFrom("default", "a", "new")])(
    "by another link, where names are distinct",
    (graph, from, to, action) => {
      const place = [from % last(graph), action, to % last(graph)] as const;
      const links = graph.links.filter((link) => link[0] !== place[0] || link[1] !== action);
      expectSame(both(idsOf(graph), idsOf({ ...graph, links: [place, ...links] })));
    },
  );

  property.prop([distinct, fc.nat(), fc.nat()])("by a node that joins two others", (graph, from, to) => {
    const fresh = last(graph);
    const links = [[from % fresh, "fresh", fresh], ...graph.links, [fresh, "default", to % fresh]] as const;
    expectSame(both(idsOf(graph), idsOf({ ...added(graph), links })));
  });

  property.prop([alike, fc.nat(), fc.constantFrom("A", "Other")])(
    "by another name of one, but for those that have its old or its new name",
    (graph, at, name) => {
      const number = at % last(graph);
      const names = graph.names.map((old, n) => (n === number ? name : old));
      const concerned = [graph.names[number], name];
      const [before, after] = [idsOf(graph), idsOf({ ...graph, names })].map((ids) =>
        ids.filter((_, n) => !concerned.includes(graph.names[n])),
      );
      expect(after).toEqual(before);
    },
  );

  property.prop([alike, fc.nat(), fc.constantFrom("A", "B", "C")])(
    "by a node of a name that is there already, but for those of that name",
    (graph, at, name) => {
      const more = {
        ...added(graph, name),
        links: [...graph.links, [at % last(graph), "fresh", last(graph)] as const],
      };
      const others = (ids: (string | undefined)[]) =>
        ids.filter((_, n) => n < last(graph) && graph.names[n] !== name);
      expect(others(idsOf(more))).toEqual(others(idsOf(graph)));
    },
  );

  property.prop([alike])("from one run of the program to the next, and each is its node's alone", (graph) => {
    const ids = idsOf(graph);
    expect(idsOf(graph)).toEqual(ids);
    const reached = ids.filter((id) => id !== undefined);
    expect(new Set(reached).size).toBe(reached.length);
  });
});

describe("nodes without a name of their own", () => {
  const five = () => Array.from({ length: 5 }, () => new Node()) as [Node, Node, Node, Node, Node];
  const ids = (flow: BaseNode) => toJSON(flow).nodes.map(({ id }) => id);

  test("in a row keep their ids when the row gets longer", () => {
    const [a, b, c, d, e] = five();
    const before = ids(new Flow(chain(a, b, c)));
    c.next(d).next(e);
    expect(ids(new Flow(a)).slice(0, 4)).toEqual(before);
  });

  test("in one branch keep theirs when another branch gets longer", () => {
    const [a, b, c, d, e] = five();
    a.on("left", b).on("right", c);
    const before = ids(new Flow(a));
    b.next(d).on("no", e);
    expect(ids(new Flow(a))).toEqual([
      ...before.slice(0, 3),
      expect.any(String),
      expect.any(String),
      before[3],
    ]);
  });
});

describe("a place", () => {
  const names = (flow: BaseNode) => toJSON(flow).nodes.map(({ id }) => id);
  const inner = (name: string) => new Flow(new Node({ name: "Work" }), { name });

  test("inside a flow or a parallel does not depend on what is beside that", () => {
    const flow = inner("Inner");
    const before = names(new Flow(parallel([flow], { name: "Both" }), { name: "Main" }));
    const more = parallel([inner("More"), flow], { name: "Both" });
    const after = names(new Flow(chain(new Node({ name: "First" }), more), { name: "Main" }));
    expect(before).toEqual(["Main", "Main/Both", "Main/Both/Inner", "Main/Both/Inner/Work"]);
    expect(after).toEqual(expect.arrayContaining(before));
  });

  test("has an id that no name can forge, and that is not long", () => {
    const all = ["a/b", "a", "a%2Fb", "a~b", "~", "", "/", "x".repeat(1_000_000), `${"x".repeat(999_999)}y`];
    const nodes = all.map((name) => Object.defineProperty(new Node(), "name", { value: name }));
    const ids = names(new Flow(chain(nodes[0]!, ...nodes.slice(1)), { name: "a/b" }));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.slice(0, 6)).toEqual([
      "a%2Fb",
      "a%2Fb/a%2Fb",
      "a%2Fb/a",
      "a%2Fb/a%252Fb",
      "a%2Fb/a%7Eb",
      "a%2Fb/%7E",
    ]);
    expect(Math.max(...ids.map(({ length }) => length))).toBeLessThan(100);
  });
});
