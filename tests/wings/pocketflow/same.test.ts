// What PocketFlow's source and documentation show, held by both: the same tests run on the package `pocketflow` and on
// sluice/pocketflow.
import * as theirs from "pocketflow";
import * as ours from "sluice/pocketflow";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { rejection } from "../../support/deferred.js";

type PocketFlow = typeof theirs;
/** A store of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: each test has its own
type Store = any;

let warnings: MockInstance<typeof console.warn>;
beforeEach(() => {
  warnings = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => warnings.mockRestore());
const warned = () => warnings.mock.calls.map(([text]) => String(text));

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe.each<[string, PocketFlow]>([
  ["pocketflow", theirs],
  ["sluice/pocketflow", ours as unknown as PocketFlow],
])("%s", (_name, { BaseNode, BatchFlow, BatchNode, Flow, Node, ParallelBatchFlow, ParallelBatchNode }) => {
  /** Writes its name into the log. */
  class Log extends Node<Store> {
    readonly label: string;
    readonly action: string | undefined;
    constructor(label: string, action?: string) {
      super();
      this.label = label;
      this.action = action;
    }
    override async post(shared: Store) {
      shared.log = [...(shared.log ?? []), this.label];
      return this.action;
    }
  }

  describe("classes", () => {
    test("extend each other as they do there", () => {
      const start = new Node();
      const lineOf = (object: object) =>
        [BaseNode, Node, BatchNode, ParallelBatchNode, Flow, BatchFlow, ParallelBatchFlow]
          .filter((type) => object instanceof type)
          .map(({ name }) => name);
      expect(lineOf(new BaseNode())).toEqual(["BaseNode"]);
      expect(lineOf(new Node())).toEqual(["BaseNode", "Node"]);
      expect(lineOf(new BatchNode())).toEqual(["BaseNode", "Node", "BatchNode"]);
      expect(lineOf(new ParallelBatchNode())).toEqual(["BaseNode", "Node", "ParallelBatchNode"]);
      expect(lineOf(new Flow(start))).toEqual(["BaseNode", "Flow"]);
      expect(lineOf(new BatchFlow(start))).toEqual(["BaseNode", "Flow", "BatchFlow"]);
      expect(lineOf(new ParallelBatchFlow(start))).toEqual([
        "BaseNode",
        "Flow",
        "BatchFlow",
        "ParallelBatchFlow",
      ]);
    });

    test("have the defaults of the constructors, in fields that may be changed", () => {
      const { maxRetries, wait, currentRetry } = new Node();
      expect({ maxRetries, wait, currentRetry }).toEqual({ maxRetries: 1, wait: 0, currentRetry: 0 });
      const given = new BatchNode(4, 2.5);
      expect([given.maxRetries, given.wait]).toEqual([4, 2.5]);
      const start = new Node();
      expect(new Flow(start).start).toBe(start);
    });

    test("have hooks that do nothing, each a promise", async () => {
      const node = new Node();
      const calls = [node.prep({}), node.exec(1), node.post({}, 1, 2)];
      for (const call of calls) expect(call).toBeInstanceOf(Promise);
      expect(await Promise.all(calls)).toEqual([undefined, undefined, undefined]);
      const error = new Error("as it is");
      expect(await rejection(node.execFallback(1, error))).toBe(error);
      expect(await rejection(new Flow(node).exec(1))).toEqual(new Error("Flow can't exec."));
      expect(await new BatchFlow(node).prep({})).toEqual([]);
    });

    test("run as they are", async () => {
      const start = new Node();
      const all = [new BaseNode(), start, new BatchNode(), new ParallelBatchNode(), new Flow(start)];
      for (const each of [...all, new BatchFlow(start), new ParallelBatchFlow(start)]) {
        expect(await each.run({})).toBeUndefined();
      }
    });
  });

  describe("a step", () => {
    test("is prep, exec, post, and each gets what those before gave", async () => {
      const calls: unknown[] = [];
      class Step extends BaseNode<Store> {
        override async prep(shared: Store) {
          calls.push(["prep", shared]);
          return "prepared";
        }
        override async exec(prepRes: unknown) {
          calls.push(["exec", prepRes]);
          return "done";
        }
        override async post(shared: Store, prepRes: unknown, execRes: unknown) {
          calls.push(["post", shared, prepRes, execRes]);
          return "next";
        }
      }
      const shared = { n: 1 };
      expect(await new Step().run(shared)).toBe("next");
      expect(calls).toEqual([
        ["prep", shared],
        ["exec", "prepared"],
        ["post", shared, "prepared", "done"],
      ]);
    });

    test("has hooks that need not be async, or are fields", async () => {
      class Sync extends Node<Store> {
        override prep = ((shared: Store) => shared.n) as never;
        override exec = ((n: number) => n + 1) as never;
        override post = ((shared: Store, _prepRes: unknown, n: number) => {
          shared.n = n;
        }) as never;
      }
      const shared = { n: 1 };
      await new Flow(new Sync()).run(shared);
      expect(shared.n).toBe(2);
    });

    test.each(["prep", "exec", "post"])("rejects with what %s throws, as it is", async (hook) => {
      const error = { not: "an Error" };
      const node = Object.assign(new Node(), { [hook]: () => Promise.reject(error) });
      expect(await rejection(node.run({}))).toBe(error);
      expect(await rejection(new Flow(node).run({}))).toBe(error);
      const sync = () => {
        throw error;
      };
      expect(await rejection(new Flow(Object.assign(new Node(), { [hook]: sync })).run({}))).toBe(error);
    });

    test("may have methods of any name, also of names that sluice calls", async () => {
      const called = vi.fn(() => Promise.reject(new Error("called")));
      const methods = {
        onResult: called,
        execs: called,
        fork: called,
        join: called,
        cost: called,
        execAsync: called,
      };
      const items = { prep: async () => [1, 2] };
      await new Flow(Object.assign(new BatchNode(), items, methods)).run({});
      const params = { prep: async () => [{ a: 1 }] };
      await Object.assign(new ParallelBatchFlow(Object.assign(new Node(), methods)), params, methods).run({});
      expect(called).not.toHaveBeenCalled();
    });
  });

  describe("retries", () => {
    class Flaky extends Node<Store> {
      readonly seen: number[] = [];
      failures = 0;
      override async exec() {
        this.seen.push(this.currentRetry);
        if (this.currentRetry < this.failures) throw new Error(`try ${this.currentRetry}`);
        return this.currentRetry;
      }
      override async execFallback(prepRes: unknown, error: Error): Promise<unknown> {
        return ["fallback", prepRes, error.message, this.currentRetry];
      }
      override async post(shared: Store, _prepRes: unknown, execRes: unknown) {
        shared.result = execRes;
        shared.retry = this.currentRetry;
        return undefined;
      }
    }

    test("go on until exec succeeds; currentRetry counts from 0 and stays for post", async () => {
      const shared: Store = {};
      const node = Object.assign(new Flaky(5), { failures: 2 });
      await new Flow(node).run(shared);
      expect(shared).toEqual({ result: 2, retry: 2 });
      expect(node.seen).toEqual([0, 1, 2]);
    });

    test.each([1, 3])("end with execFallback after %i tries", async (maxRetries) => {
      const shared: Store = {};
      const node = Object.assign(new Flaky(maxRetries), { failures: 9 });
      await new Flow(node).run(shared);
      const last = maxRetries - 1;
      expect(shared).toEqual({ result: ["fallback", undefined, `try ${last}`, last], retry: last });
      expect(node.seen).toHaveLength(maxRetries);
    });

    test("end with the last error without a fallback, and with what a fallback throws", async () => {
      const errors = [new Error("first"), new Error("last")];
      const node = new Node(2);
      let calls = 0;
      node.exec = () => Promise.reject(errors[calls++]);
      expect(await rejection(node.run({}))).toBe(errors[1]);
      const thrown = new Error("of the fallback");
      const fallback = vi.fn(() => Promise.reject(thrown));
      for (const exec of [
        () => Promise.reject(errors[0]),
        (): never => {
          throw errors[0];
        },
      ]) {
        const failing = Object.assign(new Node(), { exec, execFallback: fallback });
        expect(await rejection(new Flow(failing).run({}))).toBe(thrown);
      }
      expect(fallback).toHaveBeenCalledTimes(2);
    });

    test("try again whatever went wrong, also what sluice would not", async () => {
      let calls = 0;
      const exec = () =>
        ++calls < 3 ? Promise.reject(Object.assign(new Error("no"), { status: 400 })) : Promise.resolve();
      await Object.assign(new Node(3), { exec }).run({});
      expect(calls).toBe(3);
    });

    test("wait for seconds between tries, and not before a fallback", async () => {
      vi.useFakeTimers();
      try {
        const times: number[] = [];
        const exec = () => {
          times.push(Date.now());
          return Promise.reject(new Error("no"));
        };
        const begin = Date.now();
        let end: number | undefined;
        const run = Object.assign(new Node(3, 2), { exec, execFallback: async () => {} }).run({});
        void run.then(() => {
          end = Date.now();
        });
        await vi.advanceTimersByTimeAsync(10_000);
        expect(times.map((time) => time - begin)).toEqual([0, 2_000, 4_000]);
        expect(end).toBe(begin + 4_000);
      } finally {
        vi.useRealTimers();
      }
    });

    test.each([0, -1])("with maxRetries %i there is no try: the result is undefined", async (maxRetries) => {
      const exec = vi.fn();
      const post = vi.fn(async () => undefined);
      await Object.assign(new Node(maxRetries), { exec, post }).run({});
      expect(exec).not.toHaveBeenCalled();
      expect(post.mock.calls[0]?.slice(0, 3)).toEqual([{}, undefined, undefined]);
      const items = { prep: async () => [1, 2], exec, post };
      for (const batch of [new BatchNode(maxRetries), new ParallelBatchNode(maxRetries)]) {
        post.mockClear();
        await Object.assign(batch, items).run({});
        expect(post.mock.calls[0]?.slice(1, 3)).toEqual([
          [1, 2],
          [undefined, undefined],
        ]);
      }
    });

    test("follow the fields as they are when exec begins", async () => {
      class Reads extends Flaky {
        override async prep(shared: Store) {
          this.maxRetries = shared.tries;
          return undefined;
        }
      }
      const node = Object.assign(new Reads(1), { failures: 2 });
      const shared: Store = { tries: 4 };
      await new Flow(node).run(shared);
      expect(shared.result).toBe(2);
      expect(node.maxRetries).toBe(1);
      const later = Object.assign(new Flaky(), { failures: 1 });
      later.maxRetries = 2;
      await later.run(shared);
      expect(shared.result).toBe(1);
    });

    test("have no part in a BaseNode, whose exec is called once", async () => {
      const error = new Error("no");
      const fallback = vi.fn();
      const node = Object.assign(new BaseNode(), {
        exec: () => Promise.reject(error),
        execFallback: fallback,
      });
      expect(await rejection(new Flow(node).run({}))).toBe(error);
      expect(fallback).not.toHaveBeenCalled();
    });
  });

  describe("links", () => {
    test("next returns the next node, on returns the node", () => {
      const [a, b] = [new Node(), new Node()];
      expect(a.next(b)).toBe(b);
      expect(a.on("x", b)).toBe(a);
    });

    test("lead a flow on by what post returns; nothing and the empty string are default", async () => {
      for (const action of [undefined, "", "default"]) {
        const shared: Store = {};
        const start = new Log("a", action);
        start.next(new Log("b"));
        await new Flow(start).run(shared);
        expect(shared.log, String(action)).toEqual(["a", "b"]);
      }
      const [yes, no] = [new Log("yes"), new Log("no")];
      const shared: Store = {};
      await new Flow(new Log("a", "no").on("yes", yes).on("no", no)).run(shared);
      expect(shared.log).toEqual(["a", "no"]);
    });

    test("may lead back", async () => {
      class Count extends Node<Store> {
        override async post(shared: Store) {
          return ++shared.n < 5 ? "again" : "done";
        }
      }
      const count = new Count();
      const shared: Store = { n: 0 };
      count.on("again", count).on("done", new Log("end"));
      await new Flow(count).run(shared);
      expect(shared).toEqual({ n: 5, log: ["end"] });
    });

    test("getNextNode gives the target, or warns where others lead on", () => {
      const [a, b] = [new Node(), new Node()];
      expect(a.getNextNode()).toBeUndefined();
      a.next(b);
      a.on("x", a);
      expect([a.getNextNode(), a.getNextNode(""), a.getNextNode("x")]).toEqual([b, b, a]);
      expect(warned()).toEqual([]);
      expect(a.getNextNode("y")).toBeUndefined();
      expect(warned()).toEqual(["Flow ends: 'y' not found in [default,x]"]);
    });

    test("that are missing end the flow with a warning, each time, or without one where a node has no links", async () => {
      const flow = new Flow(new Log("a", "lost").on("found", new Log("b")));
      await flow.run({});
      await flow.run({});
      await new Flow(new Log("a", "lost")).run({});
      expect(warned()).toEqual(Array(2).fill("Flow ends: 'lost' not found in [found]"));
    });

    test("that are set twice warn, and the last one counts", async () => {
      const start = new Log("a");
      start.next(new Log("b"));
      start.next(new Log("c"));
      const shared: Store = {};
      await new Flow(start).run(shared);
      expect(shared.log).toEqual(["a", "c"]);
      expect(warned()).toEqual(["Overwriting successor for action 'default'"]);
    });

    test("are not followed by the run() of a node, which warns", async () => {
      const node = new Log("a");
      node.next(new Log("b"));
      const shared: Store = {};
      await node.run(shared);
      await node.run(shared);
      expect(shared.log).toEqual(["a", "a"]);
      expect(warned()).toEqual(Array(2).fill("Node won't run successors. Use Flow."));
    });

    test("take actions of any type, and run() gives what post returned", async () => {
      for (const action of [7, { an: "object" }, true, null, 0]) {
        const node = Object.assign(new Node(), { post: async () => action as never });
        expect(await node.run({})).toBe(action);
        const shared: Store = {};
        const start = Object.assign(new Node(), { post: async () => action as never });
        start.on((action || "default") as never, new Log("next"));
        await new Flow(start).run(shared);
        expect(shared.log, String(action)).toEqual(["next"]);
      }
    });

    test("go by getNextNode, which a class may have of its own", async () => {
      class Router extends Log {
        readonly routes = new Map<string, theirs.BaseNode>();
        override getNextNode(action?: string) {
          return this.routes.get(`to-${action}`);
        }
      }
      const router = new Router("router", "b");
      router.routes.set("to-b", new Log("b"));
      const shared: Store = {};
      await new Flow(router).run(shared);
      expect(shared.log).toEqual(["router", "b"]);
    });

    test("that a hook sets hold for this step", async () => {
      class Dynamic extends Log {
        override async post(shared: Store) {
          this.on("found", new Log("found"));
          await super.post(shared);
          return "found";
        }
      }
      const node = new Dynamic("dynamic");
      for (let run = 0; run < 2; run++) {
        const shared: Store = {};
        await new Flow(node).run(shared);
        expect(shared.log).toEqual(["dynamic", "found"]);
      }
      expect(node.getNextNode("found")).toBeUndefined();
      expect(warned()).toEqual([]);
    });
  });

  describe("this", () => {
    class Stateful extends Node<Store> {
      count = 0;
      list: number[] = [];
      override async prep() {
        this.count++;
        this.list.push(this.count);
        return undefined;
      }
      override async exec() {
        this.count++;
        return this.count;
      }
      override async post(shared: Store, _prepRes: unknown, seen: unknown) {
        shared.seen = [...(shared.seen ?? []), [seen, this.count]];
        return undefined;
      }
    }

    test("lasts for one step in a flow; what a field refers to is shared", async () => {
      const node = new Stateful();
      const flow = new Flow(node);
      const shared: Store = {};
      await flow.run(shared);
      await flow.run(shared);
      expect(shared.seen).toEqual([
        [2, 2],
        [2, 2],
      ]);
      expect(node.count).toBe(0);
      expect(node.list).toEqual([1, 1]);
    });

    test("is the node itself in its own run()", async () => {
      const node = new Stateful();
      await node.run({});
      expect(node.count).toBe(2);
      class Keeps extends Flow<Store> {
        last: unknown;
        override async post(shared: Store) {
          this.last = shared.log;
          return undefined;
        }
      }
      const flow = new Keeps(new Log("a"));
      await flow.run({});
      expect(flow.last).toEqual(["a"]);
    });

    test("is one for all items of a batch", async () => {
      for (const Batch of [BatchNode, ParallelBatchNode]) {
        class Sum extends Batch<Store> {
          sum = 0;
          override async prep() {
            return [1, 2, 3];
          }
          override async exec(item: number) {
            this.sum += item;
            return undefined;
          }
          override async post(shared: Store) {
            shared.sum = this.sum;
            return undefined;
          }
        }
        const shared: Store = {};
        const node = new Sum();
        await new Flow(node).run(shared);
        expect(shared.sum).toBe(6);
        expect(node.sum).toBe(0);
      }
    });

    test("is apart in walks that run at the same time", async () => {
      class Slow extends Node<Store, { id: number }> {
        mine: unknown;
        override async prep() {
          this.mine = this._params.id;
          return undefined;
        }
        override async exec() {
          await tick();
          return this.mine;
        }
        override async post(shared: Store, _prepRes: unknown, mine: number) {
          shared[this._params.id as number] = [mine, this.mine];
          return undefined;
        }
      }
      class All extends ParallelBatchFlow<Store> {
        override async prep() {
          return [{ id: 1 }, { id: 2 }, { id: 3 }];
        }
      }
      const shared: Store = {};
      await new All(new Slow()).run(shared);
      expect(shared).toEqual({ 1: [1, 1], 2: [2, 2], 3: [3, 3] });
    });

    test("clone() gives a node with fields, params and links of its own", async () => {
      const node = new Log("a");
      node.next(new Log("b"));
      node.setParams({ p: 1 });
      const copy = node.clone();
      expect(copy).toBeInstanceOf(Log);
      expect(copy).not.toBe(node);
      copy.on("more", new Log("c"));
      copy.setParams({ p: 2 });
      expect(node.getNextNode("default")).toBe(copy.getNextNode("default"));
      expect(copy.getNextNode("more")).toBeDefined();
      expect(node.getNextNode("more")).toBeUndefined();
      const shared: Store = {};
      await new Flow(copy).run(shared);
      expect(shared.log).toEqual(["a", "b"]);
    });

    test("is what clone() gives, which a class may have of its own", async () => {
      class Deep extends Stateful {
        override clone(): this {
          const copy = super.clone();
          copy.list = [...this.list];
          return copy;
        }
      }
      const node = new Deep();
      await new Flow(node).run({});
      expect(node.list).toEqual([]);
    });
  });

  describe("params", () => {
    class Params extends Node<Store> {
      override async prep(shared: Store) {
        shared.params = [...(shared.params ?? []), { ...this._params }];
        return undefined;
      }
    }

    test("are empty, set by setParams, which returns the node, and seen in all hooks of a run()", async () => {
      const shared: Store = {};
      const node = new Params();
      await node.run(shared);
      expect(node.setParams({ a: 1 })).toBe(node);
      await node.run(shared);
      expect(shared.params).toEqual([{}, { a: 1 }]);
    });

    test("of a flow take the place of those of the nodes and flows inside, also with none", async () => {
      const shared: Store = {};
      const inner = new Flow(new Params().setParams({ node: 1 })).setParams({ inner: 1 });
      await new Flow(inner).setParams({ outer: 1 }).run(shared);
      await new Flow(inner).run(shared);
      expect(shared.params).toEqual([{ outer: 1 }, {}]);
    });

    test("are one object for all nodes of a walk", async () => {
      class Counts extends Node<Store, { n?: number }> {
        override async prep() {
          this._params.n = (this._params.n ?? 0) + 1;
          return undefined;
        }
      }
      const start = new Counts();
      start.next(new Counts()).next(new Params());
      const shared: Store = {};
      await new Flow(start).run(shared);
      await new Flow(start).setParams({ n: 5 }).run(shared);
      expect(shared.params).toEqual([{ n: 2 }, { n: 7 }]);
    });

    test("that a node sets for itself are gone at the next", async () => {
      class Sets extends Node<Store> {
        override async prep() {
          this.setParams({ mine: true });
          return undefined;
        }
      }
      const start = new Sets();
      start.next(new Params());
      const shared: Store = {};
      await new Flow(start).setParams({ a: 1 }).run(shared);
      expect(shared.params).toEqual([{ a: 1 }]);
    });

    test("of a batch flow are merged over those of the flow, and replaced inside", async () => {
      class Each extends BatchFlow<Store> {
        override async prep() {
          return [{ b: 1 }, { a: 2 }];
        }
      }
      for (const nested of [false, true]) {
        const shared: Store = {};
        const each = new Each(nested ? new Flow(new Params()) : new Params());
        if (nested) await new Flow(each).setParams({ a: 1, c: 1 }).run(shared);
        else await each.setParams({ a: 1, c: 1 }).run(shared);
        expect(shared.params).toEqual([
          { a: 1, b: 1, c: 1 },
          { a: 2, c: 1 },
        ]);
      }
    });

    test("of nested batch flows come together", async () => {
      class Inner extends BatchFlow<Store, { x: number }> {
        override async prep() {
          return [{ y: 1 }, { y: (this._params.x as number) * 10 }];
        }
      }
      class Outer extends ParallelBatchFlow<Store> {
        override async prep() {
          return [{ x: 1 }, { x: 2 }];
        }
      }
      const shared: Store = {};
      await new Outer(new Inner(new Params())).run(shared);
      const sorted = (shared.params as { x: number; y: number }[]).sort((a, b) => a.x - b.x || a.y - b.y);
      expect(sorted).toEqual([
        { x: 1, y: 1 },
        { x: 1, y: 10 },
        { x: 2, y: 1 },
        { x: 2, y: 20 },
      ]);
    });
  });

  describe("flows", () => {
    test("run prep, the walk, post; post gets no result, and run() gives what it returns", async () => {
      const calls: unknown[] = [];
      class Whole extends Flow<Store> {
        override async prep(shared: Store) {
          calls.push(["prep", { ...shared }]);
          return "prepared";
        }
        override async post(shared: Store, prepRes: unknown, execRes: unknown) {
          calls.push(["post", { ...shared }, prepRes, execRes]);
          return "whole";
        }
      }
      expect(await new Whole(new Log("a", "inside")).run({})).toBe("whole");
      expect(calls).toEqual([
        ["prep", {}],
        ["post", { log: ["a"] }, "prepared", undefined],
      ]);
      expect(await new Flow(new Log("a", "inside")).run({})).toBeUndefined();
    });

    test("are nodes: they nest, are linked, and lead on by what their post returns", async () => {
      class Chosen extends Flow<Store> {
        override async post() {
          return "chosen";
        }
      }
      const start = new Log("a");
      const inner = new Chosen(new Log("b", "dropped"));
      start.next(inner);
      inner.on("chosen", new Log("c")).on("dropped", new Log("d"));
      const plain = new Flow(start);
      plain.next(new Log("e"));
      const shared: Store = {};
      await new Flow(plain).run(shared);
      expect(shared.log).toEqual(["a", "b", "c", "e"]);
    });

    test("may be run at the same time, and again", async () => {
      const start = new Log("a");
      start.next(new Log("b"));
      const flow = new Flow(start);
      const stores: Store[] = Array.from({ length: 5 }, () => ({}));
      await Promise.all(stores.map((shared) => flow.run(shared)));
      expect(stores).toEqual(Array(5).fill({ log: ["a", "b"] }));
    });

    test("take another start", async () => {
      const flow = new Flow(new Log("a"));
      flow.start = new Log("b");
      const shared: Store = {};
      await flow.run(shared);
      expect(shared.log).toEqual(["b"]);
    });
  });

  describe("batches", () => {
    /** Takes `shared.items`, and says in which order exec began and ended. */
    const batchOf = (Class: PocketFlow["BatchNode"]) =>
      class extends Class<Store> {
        override async prep(shared: Store) {
          return shared.items;
        }
        override async exec(item: unknown) {
          order.push(`begin ${item}`);
          await tick();
          order.push(`end ${item}`);
          return `${item}!`;
        }
        override async post(shared: Store, items: unknown, results: unknown) {
          shared.given = items;
          shared.results = results;
          return undefined;
        }
      };
    let order: string[] = [];
    beforeEach(() => {
      order = [];
    });

    test("one by one", async () => {
      const shared: Store = { items: ["a", "b"] };
      await new Flow(new (batchOf(BatchNode))()).run(shared);
      expect(order).toEqual(["begin a", "end a", "begin b", "end b"]);
      expect(shared.results).toEqual(["a!", "b!"]);
      expect(shared.given).toBe(shared.items);
    });

    test("all at once, without a limit, with the results in the order of the items", async () => {
      const items = Array.from({ length: 100 }, (_, at) => at);
      const shared: Store = { items };
      await new Flow(new (batchOf(ParallelBatchNode))()).run(shared);
      expect(order.slice(0, 100)).toEqual(items.map((item) => `begin ${item}`));
      expect(shared.results).toEqual(items.map((item) => `${item}!`));
    });

    test.each([undefined, null, "text", 7, {}, []])("have no items where prep gives %j", async (items) => {
      for (const Batch of [BatchNode, ParallelBatchNode]) {
        const shared: Store = { items };
        await new Flow(new (batchOf(Batch))()).run(shared);
        expect(shared.results).toEqual([]);
      }
      expect(order).toEqual([]);
    });

    test("have holes and values of any type as items", async () => {
      const given = [undefined, null, 0, "", Number.NaN];
      for (const Batch of [BatchNode, ParallelBatchNode]) {
        const seen: unknown[] = [];
        const hooks = { prep: async () => given, exec: async (item: unknown) => seen.push(item) };
        await Object.assign(new Batch(), hooks).run({});
        expect(seen).toEqual(given);
      }
    });

    test("hand promises among the items to exec", async () => {
      for (const Batch of [BatchNode, ParallelBatchNode]) {
        const promise = Promise.resolve(7);
        const execRes: unknown[] = [];
        const exec = async (item: unknown) => [item === promise || item === 1, await item];
        const post = async (_shared: unknown, _items: unknown, results: unknown[]) => {
          execRes.push(...results);
          return undefined;
        };
        await Object.assign(new Batch(), { prep: async () => [1, promise], exec, post }).run({});
        expect(execRes).toEqual([
          [true, 1],
          [true, 7],
        ]);
      }
    });

    test("retry each item of a sequential batch, with its own count and fallback", async () => {
      class Flaky extends BatchNode<Store> {
        readonly seen: string[] = [];
        override async prep() {
          return ["a", "b", "c"];
        }
        override async exec(item: string) {
          this.seen.push(`${item}${this.currentRetry}`);
          if (item !== "c" && (item === "b" || this.currentRetry === 0)) throw new Error(item);
          return item;
        }
        override async execFallback(item: unknown, error: Error) {
          return `${item} failed: ${error.message}`;
        }
        override async post(shared: Store, _items: unknown, results: unknown) {
          shared.results = results;
          return undefined;
        }
      }
      const node = new Flaky(2);
      const shared: Store = {};
      await new Flow(node).run(shared);
      expect(shared.results).toEqual(["a", "b failed: b", "c"]);
      expect(node.seen).toEqual(["a0", "a1", "b0", "b1", "c0"]);
    });

    test("stop at the first failure one by one, and reject with the first failure all at once", async () => {
      const exec = async (item: number) => {
        order.push(String(item));
        if (item > 1) throw new Error(`item ${item}`);
      };
      const hooks = { prep: async () => [1, 2, 3], exec };
      expect(await rejection(Object.assign(new BatchNode(), hooks).run({}))).toEqual(new Error("item 2"));
      expect(order).toEqual(["1", "2"]);
      const parallel = Object.assign(new ParallelBatchNode(), hooks);
      expect(await rejection(parallel.run({}))).toEqual(new Error("item 2"));
    });
  });

  describe("batch flows", () => {
    class Begin extends Node<Store, { id: string }> {
      override async exec() {
        await tick();
        return undefined;
      }
      override async post(shared: Store) {
        shared.log.push(`begin ${this._params.id}`);
        return undefined;
      }
    }
    class End extends Node<Store, { id: string }> {
      override async post(shared: Store) {
        shared.log.push(`end ${this._params.id}`);
        return undefined;
      }
    }
    const eachOf = (Class: PocketFlow["BatchFlow"]) => {
      class Each extends Class<Store> {
        override async prep(shared: Store) {
          return shared.ids.map((id: string) => ({ id }));
        }
        override async post(shared: Store, prepRes: unknown, execRes: unknown) {
          shared.log.push([prepRes, execRes]);
          return "all";
        }
      }
      const begin = new Begin();
      begin.next(new End());
      return new Each(begin);
    };
    const walked = [[{ id: "a" }, { id: "b" }], undefined];

    test("walk for each params, one by one; post gets the params and no result", async () => {
      const shared: Store = { ids: ["a", "b"], log: [] };
      expect(await eachOf(BatchFlow).run(shared)).toBe("all");
      expect(shared.log).toEqual(["begin a", "end a", "begin b", "end b", walked]);
    });

    test("walk for all params at once", async () => {
      const ids = Array.from({ length: 40 }, (_, at) => `${at}`);
      let running = 0;
      let most = 0;
      class Counted extends Node<Store> {
        override async exec() {
          most = Math.max(most, ++running);
          await tick();
          running--;
          return undefined;
        }
      }
      class All extends ParallelBatchFlow<Store> {
        override async prep() {
          return ids.map((id) => ({ id }));
        }
      }
      await new All(new Counted()).run({});
      expect(most).toBe(40);
      const shared: Store = { ids: ["a", "b"], log: [] };
      expect(await eachOf(ParallelBatchFlow).run(shared)).toBe("all");
      expect(shared.log.at(-1)).toEqual(walked);
      expect([...shared.log.slice(0, -1)].sort()).toEqual(["begin a", "begin b", "end a", "end b"]);
    });

    test("lead on by what their post returns", async () => {
      const each = eachOf(BatchFlow);
      each.on("all", new Log("after"));
      const shared: Store = { ids: [], log: [] };
      await new Flow(each).run(shared);
      expect(shared.log).toEqual([[[], undefined], "after"]);
    });

    test("stop at the first failure one by one, and reject with the first failure all at once", async () => {
      class Fails extends Node<Store, { n: number }> {
        override async exec() {
          if ((this._params.n as number) > 1) throw new Error(`walk ${this._params.n}`);
          return undefined;
        }
        override async post(shared: Store) {
          shared.log.push(this._params.n);
          return undefined;
        }
      }
      for (const Class of [BatchFlow, ParallelBatchFlow]) {
        const shared: Store = { log: [] };
        const flow = Object.assign(new Class<Store>(new Fails()), {
          prep: async () => [{ n: 1 }, { n: 2 }, { n: 3 }],
        });
        expect(await rejection(flow.run(shared))).toEqual(new Error("walk 2"));
        await tick();
        expect(shared.log).toEqual([1]);
      }
    });
  });

  describe("what is protected", () => {
    test("a class may have an _exec of its own, around that of its base", async () => {
      class Twice extends Node<Store> {
        override async exec(n: unknown) {
          return (n as number) * 10;
        }
        override async _exec(prepRes: unknown) {
          return [await super._exec(1), await super._exec(2), prepRes];
        }
        override async post(shared: Store, _prepRes: unknown, execRes: unknown) {
          shared.result = execRes;
          return undefined;
        }
      }
      const shared: Store = {};
      await new Flow(new Twice(2)).run(shared);
      expect(shared.result).toEqual([10, 20, undefined]);
    });

    test("a bounded batch, as programs write it, by _exec of Node", async () => {
      let running = 0;
      let most = 0;
      class Bounded extends Node<Store> {
        override async prep() {
          return [1, 2, 3, 4, 5];
        }
        override async exec(item: unknown) {
          most = Math.max(most, ++running);
          await tick();
          running--;
          return (item as number) * 2;
        }
        override async _exec(items: unknown) {
          const results: unknown[] = [];
          const list = items as number[];
          for (let at = 0; at < list.length; at += 2) {
            results.push(...(await Promise.all(list.slice(at, at + 2).map((item) => super._exec(item)))));
          }
          return results;
        }
        override async post(shared: Store, _prepRes: unknown, execRes: unknown) {
          shared.result = execRes;
          return undefined;
        }
      }
      const shared: Store = {};
      await new Flow(new Bounded()).run(shared);
      expect(shared.result).toEqual([2, 4, 6, 8, 10]);
      expect(most).toBe(2);
    });

    test("a class may have a _run of its own, in a flow and alone", async () => {
      class Timed extends Log {
        override async _run(shared: Store) {
          shared.log = [...(shared.log ?? []), "before"];
          const action = await super._run(shared);
          shared.log = [...shared.log, `after ${action}`];
          return action;
        }
      }
      const start = new Timed("a", "go");
      start.on("go", new Log("b"));
      const shared: Store = {};
      await new Flow(start).run(shared);
      expect(shared.log).toEqual(["before", "a", "after go", "b"]);
      const alone: Store = {};
      expect(await new Timed("a", "go").run(alone)).toBe("go");
      expect(alone.log).toEqual(["before", "a", "after go"]);
    });

    test("a flow may have a _run and an _orchestrate of its own", async () => {
      class Traced extends Flow<Store> {
        override async _run(shared: Store) {
          shared.log = [...(shared.log ?? []), "run"];
          return super._run(shared);
        }
        override async _orchestrate(shared: Store, params?: Store) {
          shared.log = [...shared.log, "walk"];
          await super._orchestrate(shared, params);
          shared.log = [...shared.log, "walked"];
        }
      }
      const shared: Store = {};
      await new Flow(new Traced(new Log("a"))).run(shared);
      expect(shared.log).toEqual(["run", "walk", "a", "walked"]);
      class Each extends BatchFlow<Store> {
        override async prep() {
          return [{ n: 1 }, { n: 2 }];
        }
        override async _orchestrate(shared: Store, params?: { n: number }) {
          shared.log = [...(shared.log ?? []), params];
          await super._orchestrate(shared, params);
        }
      }
      const each: Store = {};
      await new Each(new Log("a")).run(each);
      expect(each.log).toEqual([{ n: 1 }, "a", { n: 2 }, "a"]);
    });

    test("_run and _exec may be called from outside", async () => {
      const shared: Store = {};
      const node = new Log("a", "go") as Log & { _exec(prepRes: unknown): Promise<unknown> };
      expect(await node._run(shared)).toBe("go");
      expect(shared.log).toEqual(["a"]);
      node.exec = async (n) => (n as number) + 1;
      expect(await node._exec(1)).toBe(2);
      const flow = new Flow<Store>(new Log("b"));
      expect(await flow._run(shared)).toBeUndefined();
      expect(shared.log).toEqual(["a", "b"]);
    });
  });
});
