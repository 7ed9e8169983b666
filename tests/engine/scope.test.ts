// The scope of a walk: what its nodes inherit, and the places that they are in.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type Context,
  Flow,
  locate,
  node,
  parallel,
} from "sluice";
import { expect, test } from "vitest";
import { rejection } from "../support/deferred.js";

interface Seen {
  seen: unknown[];
}
const sees = (what: (ctx: Context) => unknown) =>
  node({ name: "Sees", prep: (shared: Seen, ctx) => void shared.seen.push(what(ctx)) });
const each = (start: ReturnType<typeof sees> | Flow<Seen>, params: object[], name = "Each") =>
  Object.assign(new AsyncParallelBatchFlow<Seen>(start as Flow<Seen>, { name }), {
    prep: () => params as never,
  });

test("params merge from the run in, and the inner ones win; each level is frozen and its own", async () => {
  const shared: Seen = { seen: [] };
  const inner = new Flow(
    sees(({ params }) => params),
    { params: { flow: 1, own: "flow" } },
  );
  const batch = each(inner, [
    { item: 0, own: "item" },
    { item: 1, run: "item" },
  ]);
  await new Flow(batch).run(shared, { params: { run: "run", own: "run" } });
  expect(shared.seen).toEqual([
    { run: "run", item: 0, flow: 1, own: "flow" },
    { run: "item", item: 1, flow: 1, own: "flow" },
  ]);
  expect(shared.seen.every(Object.isFrozen)).toBe(true);
});

test("the index is that of the nearest iteration or item, and there is none outside", async () => {
  const shared: Seen = { seen: [] };
  const inner = each(
    sees(({ index, params }) => [params.outer, params.inner, index]),
    [{ inner: 0 }, { inner: 1 }],
  );
  await each(new Flow<Seen>(inner), [{ outer: 0 }, { outer: 1 }, { outer: 2 }], "Outer").run(shared);
  const found = shared.seen as [number, number, number][];
  expect(found).toHaveLength(6);
  for (const [, innerParam, index] of found) expect(index).toBe(innerParam);
  const alone: Seen = { seen: [] };
  await new Flow(sees(({ index }) => index)).run(alone);
  expect(alone.seen).toEqual([undefined]);
});

test("a place names every flow, iteration and branch on the way, and the item and attempt", async () => {
  const error = new Error("no");
  const items = Object.assign(new AsyncParallelBatchNode<Seen, number>({ name: "Items", attempts: 2 }), {
    prep: () => [0, 1, 2],
    exec: (n: number) => {
      if (n === 2) throw error;
    },
  });
  const branches = parallel([new Flow<Seen>(items, { name: "Branch" })], { name: "Branches" });
  const batch = each(new Flow<Seen>(branches, { name: "Inner" }), [{}], "Outer");
  expect(await rejection(new Flow(batch, { name: "Main" }).run({ seen: [] }))).toBe(error);
  expect(locate(error)).toEqual({
    path: ["Main", "Outer", 0, "Inner", "Branches", "Branch", "Items"],
    flow: "Branch",
    node: "Items",
    item: 2,
    attempt: 1,
  });
});

test("keys of places differ within a run, and are the same in every run of the same graph", async () => {
  const keys = async () => {
    const shared: Seen = { seen: [] };
    const looped = sees(({ key }) => key);
    const counts = node({
      name: "Counts",
      post: ({ seen }: Seen) => (seen.length % 3 === 0 ? "enough" : "again"),
    });
    looped.next(counts);
    counts.branch({ again: looped, enough: null });
    const inner = Object.assign(new AsyncParallelBatchFlow<Seen>(looped, { name: "Each", concurrency: 1 }), {
      prep: () => [{}, {}],
    });
    await new Flow(inner, { name: "Main" }).run(shared);
    return shared.seen;
  };
  const [first, second] = [await keys(), await keys()];
  expect(first).toHaveLength(6);
  expect(new Set(first).size).toBe(6);
  expect(second).toEqual(first);
});
