// A Proxy around a node, as spies and observability tools make them, and an object that inherits from one.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  type Context,
  Flow,
  Node,
  node,
  Parallel,
  parallel,
} from "sluice";
import { toJSON } from "sluice/diagram";
import { describe, expect, test } from "vitest";
import { watchers } from "../support/watchers.js";

interface Shared {
  seen: unknown[];
}
const note = () =>
  node({
    name: "Note",
    post: (shared: Shared, _none, _result, { params }: Context) =>
      void shared.seen.push((params as { n?: number }).n),
  });
const items = {
  prep: () => [1, 2, 3],
  exec: (n: number) => n * 2,
  post: (shared: Shared, _items: unknown, results: unknown) => void shared.seen.push(results),
};
const iterations = { prep: () => [{ n: 1 }, { n: 2 }] };

const makers: Record<string, [make: () => BaseNode<Shared>, seen: unknown[]]> = {
  Node: [() => Object.assign(new Node<Shared>(), { ...items, prep: () => 1 }), [2]],
  "Node with attempts": [
    () => Object.assign(new Node<Shared>({ attempts: 2, timeout: 1_000 }), { ...items, prep: () => 1 }),
    [2],
  ],
  BatchNode: [() => Object.assign(new BatchNode<Shared>(), items), [[2, 4, 6]]],
  AsyncParallelBatchNode: [() => Object.assign(new AsyncParallelBatchNode<Shared>(), items), [[2, 4, 6]]],
  Flow: [() => new Flow(note(), { params: { n: 7 } }), [7]],
  "strict Flow": [() => new Flow(note(), { strict: true }), [undefined]],
  BatchFlow: [() => Object.assign(new BatchFlow<Shared>(note()), iterations), [1, 2]],
  AsyncParallelBatchFlow: [
    () => Object.assign(new AsyncParallelBatchFlow<Shared>(note(), { params: { m: 1 } }), iterations),
    [1, 2],
  ],
  Parallel: [() => parallel([note(), note()]), [undefined, undefined]],
  "Parallel by its class": [() => new Parallel([note()]), [undefined]],
};

const wrappers: Record<string, <T extends object>(target: T) => T> = {
  "a transparent Proxy": (target) => new Proxy(target, {}),
  "a Proxy that reads through Reflect": (target) =>
    new Proxy(target, { get: (of, key, receiver) => Reflect.get(of, key, receiver) }),
  "a Proxy that reads from the target": (target) =>
    new Proxy(target, { get: (of, key) => Reflect.get(of, key) }),
  "a Proxy around a Proxy": (target) => new Proxy(new Proxy(target, {}), {}),
  "an object that inherits from it": (target) => Object.create(target),
};

describe.for(Object.keys(wrappers))("%s", (kind) => {
  const wrap = wrappers[kind]!;

  test.for(Object.keys(makers))(
    "does what a %s does: linked, nested, and under each watcher",
    async (name) => {
      const [make, seen] = makers[name]!;
      for (const [watcher, run] of Object.entries(watchers)) {
        const wrapped = wrap(make());
        const first = node<Shared>({});
        first.next(wrapped).next(note());
        const shared: Shared = { seen: [] };
        await run(wrap(new Flow<Shared>(first)), shared);
        expect(shared.seen, watcher).toEqual([...seen, undefined]);
      }
    },
  );

  test.for(Object.keys(makers))("runs alone, and is drawn, as a %s is", async (name) => {
    const [make, seen] = makers[name]!;
    const wrapped = wrap(make());
    const shared: Shared = { seen: [] };
    await wrapped.run(shared);
    expect(shared.seen).toEqual(seen);
    expect(wrapped.name).toBe(make().name);
    expect(toJSON(new Flow(wrapped)).nodes).toEqual(toJSON(new Flow(make())).nodes);
  });

  test("around a strict flow keeps it strict", async () => {
    const lost = node({ post: () => "x" });
    (lost as BaseNode).on("y", note());
    await expect(wrap(new Flow(lost, { strict: true })).run({ seen: [] })).rejects.toMatchObject({
      code: "UNKNOWN_ACTION",
    });
  });
});
