// Where sluice/pocketflow differs from PocketFlow on purpose: what PocketFlow does, and what is done here. The page
// docs/coming-from-pocketflow.md lists each with its reason.
import * as theirs from "pocketflow";
import { emitter, locate, node, SluiceError, Flow as SluiceFlow } from "sluice";
import { toJSON, toMermaid } from "sluice/diagram";
import { openJournal } from "sluice/journal";
import * as ours from "sluice/pocketflow";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { rejection } from "../../support/deferred.js";

// biome-ignore lint/suspicious/noExplicitAny: each test has its own
type Store = any;
const both = [theirs, ours as unknown as typeof theirs] as const;
const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

let warnings: MockInstance<typeof console.warn>;
beforeEach(() => {
  warnings = vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterEach(() => warnings.mockRestore());

describe("what PocketFlow gets wrong", () => {
  test("each item of a parallel batch has its own tries", async () => {
    const results = await Promise.all(
      both.map(async ({ ParallelBatchNode }) => {
        const tries = new Map<number, number>();
        const node = Object.assign(new ParallelBatchNode(3, 0.001), {
          prep: async () => [1, 2, 3],
          exec: async (item: number) => {
            tries.set(item, (tries.get(item) ?? 0) + 1);
            if (tries.get(item) === 1) throw new Error("busy");
            return item * 10;
          },
          post: async (shared: Store, _items: unknown, execRes: unknown) => {
            shared.results = execRes;
            return undefined;
          },
        });
        const shared: Store = {};
        await node.run(shared);
        return shared.results;
      }),
    );
    expect(results).toEqual([
      [10, 20, undefined],
      [10, 20, 30],
    ]);
  });

  test("currentRetry is that of the item whose exec begins", async () => {
    class Flaky extends ours.ParallelBatchNode<Store> {
      readonly seen: string[] = [];
      override async prep() {
        return ["a", "b"];
      }
      override async exec(item: string) {
        this.seen.push(`${item}${this.currentRetry}`);
        await tick();
        if (this.seen.filter((each) => each.startsWith(item)).length < 3) throw new Error("no");
        return undefined;
      }
    }
    const flaky = new Flaky(3);
    await flaky.run({});
    expect([...flaky.seen].sort()).toEqual(["a0", "a1", "a2", "b0", "b1", "b2"]);
  });

  test("a failure in a parallel batch flow is thrown when nothing writes the store any more", async () => {
    const logs = await Promise.all(
      both.map(async ({ Node, ParallelBatchFlow }) => {
        class Work extends Node<Store, { id: number }> {
          override async exec() {
            if (this._params.id === 1) throw new Error("one failed");
            await tick();
            return undefined;
          }
          override async post(shared: Store) {
            shared.log.push("written after the end");
            return undefined;
          }
        }
        const flow = Object.assign(new ParallelBatchFlow<Store>(new Work()), {
          prep: async () => [{ id: 1 }, { id: 2 }],
        });
        const shared = { log: [] as string[] };
        expect(await rejection(flow.run(shared))).toEqual(new Error("one failed"));
        expect(shared.log).toEqual([]);
        await tick();
        await tick();
        return shared.log;
      }),
    );
    expect(logs).toEqual([["written after the end"], []]);
  });

  test("the signals of siblings are aborted by a failure", async () => {
    const aborted: unknown[] = [];
    class Work extends ours.ParallelBatchNode<Store> {
      override async prep() {
        return [1, 2];
      }
      override async exec(item: number, ctx?: { readonly signal: AbortSignal }) {
        const { signal } = ctx as { signal: AbortSignal };
        if (item === 2) throw new Error("two failed");
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        aborted.push(signal.reason.code);
        return undefined;
      }
    }
    expect(await rejection(new Work().run({}))).toEqual(new Error("two failed"));
    expect(aborted).toEqual(["SIBLING_FAILED"]);
  });

  test("a batch flow whose prep gives nothing has no walk, in place of a TypeError", async () => {
    for (const [at, { BatchFlow, Node, ParallelBatchFlow }] of both.entries()) {
      for (const Class of [BatchFlow, ParallelBatchFlow]) {
        const post = vi.fn(async () => "done");
        const flow = Object.assign(new Class(new Node()), { prep: async () => undefined as never, post });
        if (at === 0) expect(await rejection(flow.run({}))).toBeInstanceOf(TypeError);
        else expect(await flow.run({})).toBe("done");
      }
    }
  });

  test("a batch takes any iterable and any async iterable, in place of taking it for no items", async () => {
    const itemsOf = [
      () => new Set([1, 2]),
      async function* () {
        yield 1;
        yield 2;
      },
    ];
    for (const items of itemsOf) {
      for (const name of ["BatchNode", "ParallelBatchNode"] as const) {
        const counts = await Promise.all(
          both.map(async (library) => {
            const exec = vi.fn(async () => undefined);
            await Object.assign(new library[name](), { prep: async () => items(), exec }).run({});
            return exec.mock.calls.length;
          }),
        );
        expect(counts, name).toEqual([0, 2]);
      }
    }
  });

  test("params that are no object are an error that names the flow", async () => {
    for (const [at, { BatchFlow, Node }] of both.entries()) {
      class Each extends BatchFlow {}
      const flow = Object.assign(new Each(new Node()), { prep: async () => ["a.txt"] as never });
      if (at === 0) expect(await flow.run({})).toBeUndefined();
      else expect(await rejection(flow.run({}))).toMatchObject({ code: "INVALID_PARAMS" });
    }
  });

  test("a number of tries with a fraction loses no error", async () => {
    const error = new Error("no");
    const [first, second] = both.map(({ Node }) =>
      Object.assign(new Node(1.5), { exec: () => Promise.reject(error) }).run({}),
    );
    expect(await first).toBeUndefined();
    expect(await rejection(second as Promise<unknown>)).toBe(error);
  });

  test("a wait is at least what the error names", async () => {
    vi.useFakeTimers();
    try {
      const times = both.map(({ Node }) => {
        const calls: number[] = [];
        const exec = () => {
          calls.push(Date.now());
          return Promise.reject(
            Object.assign(new Error("slow down"), { status: 429, headers: { "retry-after": "3" } }),
          );
        };
        void Object.assign(new Node(2, 1), { exec })
          .run({})
          .catch(() => {});
        return calls;
      });
      await vi.advanceTimersByTimeAsync(5_000);
      expect(times.map(([first, second]) => (second as number) - (first as number))).toEqual([1_000, 3_000]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("between a post and the next prep no other walk comes in, also after a nested flow", async () => {
    class First extends ours.Node<Store, { id: number }> {
      override async exec() {
        await tick();
        return undefined;
      }
      override post(shared: Store) {
        shared.current = this._params.id;
        return undefined as never;
      }
    }
    class Second extends ours.Node<Store, { id: number }> {
      override prep(shared: Store) {
        shared.log.push([this._params.id, shared.current]);
        return undefined as never;
      }
    }
    const first = new ours.Flow(new First());
    Object.assign(first, { post: () => undefined });
    first.next(new Second());
    const ids = Array.from({ length: 20 }, (_, id) => ({ id }));
    const all = Object.assign(new ours.ParallelBatchFlow<Store>(first), { prep: async () => ids });
    const shared: Store = { log: [] };
    await all.run(shared);
    expect(shared.log).toHaveLength(20);
    expect((shared.log as [number, number][]).filter(([id, current]) => id !== current)).toEqual([]);
  });
});

describe("what comes with sluice", () => {
  class Ask extends ours.Node<Store> {
    override async exec(_prepRes: unknown, ctx?: { readonly signal: AbortSignal }) {
      await tick();
      return ctx?.signal.aborted;
    }
    override async post(shared: Store, _prepRes: unknown, execRes: unknown) {
      shared.log = [...(shared.log ?? []), execRes];
      return "asked";
    }
  }
  const flowOf = () => {
    const ask = new Ask(2);
    const inner = new ours.Flow(new Ask());
    ask.on("asked", inner);
    return new ours.Flow(ask);
  };

  test("run() takes a signal, and a step limit", async () => {
    const reason = new Error("enough");
    expect(await rejection(flowOf().run({}, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(await rejection(flowOf().run({}, { maxSteps: 1 }))).toMatchObject({ code: "MAX_STEPS" });
    expect(await rejection(flowOf().run({}, { nonsense: 1 } as never))).toMatchObject({
      code: "UNKNOWN_OPTION",
    });
  });

  test("run() takes params, under those of the flow", async () => {
    class Read extends ours.Node<Store> {
      override async prep(shared: Store) {
        shared.params = { ...this._params };
        return undefined;
      }
    }
    const shared: Store = {};
    const flow = new ours.Flow(new Read()).setParams({ a: 1 });
    await flow.run(shared, { params: { a: 0, b: 2 } });
    expect(shared.params).toEqual({ a: 1, b: 2 });
    await flow.run(shared);
    expect(shared.params).toEqual({ a: 1 });
  });

  test("a watched run reports steps with their paths, and does the same", async () => {
    const events = emitter();
    const paths: string[] = [];
    events.on("step", ({ phase, path }) => {
      if (phase === "start") paths.push(path.join("/"));
    });
    const shared: Store = {};
    await flowOf().run(shared, { events, around: (_span, next) => next() });
    expect(shared.log).toEqual([false, false]);
    expect(paths).toEqual(["Flow", "Flow/Ask", "Flow/Flow", "Flow/Flow/Ask"]);
  });

  test("locate() returns the place of an error", async () => {
    for (const start of [new Ask(2), new Ask()]) {
      const fresh = new Error("no");
      Object.assign(start, { exec: () => Promise.reject(fresh) });
      expect(await rejection(new ours.Flow(start).run({}))).toBe(fresh);
      expect(locate(fresh)).toMatchObject({ path: ["Flow", "Ask"], node: "Ask" });
    }
  });

  test("its nodes stand in one graph with those of sluice, each step on a copy", async () => {
    class Count extends ours.Node<Store, { step: number }> {
      count = 0;
      override async prep(shared: Store) {
        shared.counts.push([++this.count, this._params.step]);
        return undefined;
      }
      override async post() {
        return "on";
      }
    }
    const count = new Count();
    const native = node({
      name: "Native",
      post: (shared: Store) => (shared.counts.length < 2 ? "again" : "done"),
    });
    native.on("again", count as never).end("done");
    count.on("on", native);
    const shared: Store = { counts: [] };
    const flow = new SluiceFlow(native as never, { params: { step: 7 } });
    expect(await flow.run(shared)).toBe("done");
    expect(shared.counts).toEqual([
      [1, 7],
      [1, 7],
    ]);
    expect(count.count).toBe(0);
  });

  test("its graphs can be drawn", () => {
    const batch = Object.assign(new ours.ParallelBatchFlow(flowOf()), { name: "All" });
    const { nodes } = toJSON(batch);
    expect(nodes.map(({ id, kind }) => [id, kind])).toEqual([
      ["All", "parallelBatchFlow"],
      ["All/Flow", "flow"],
      ["All/Flow/Ask", "node"],
      ["All/Flow/Flow", "flow"],
      ["All/Flow/Flow/Ask", "node"],
    ]);
    expect(nodes[2]).toMatchObject({ attempts: 2 });
    expect(nodes[0]).toMatchObject({ concurrency: null });
    expect(toMermaid(batch)).toContain("asked");
  });

  test("a run with a journal goes on where it failed, and pays for nothing twice", async () => {
    const calls: string[] = [];
    let broken = true;
    class Paid extends ours.Node<Store> {
      override async exec() {
        calls.push("paid");
        return 5;
      }
      override async post(shared: Store, _prepRes: unknown, execRes: number) {
        shared.paid = execRes;
        return undefined;
      }
    }
    class Items extends ours.BatchNode<Store> {
      override async prep() {
        return ["a", "b"];
      }
      override async exec(item: string) {
        calls.push(item);
        if (item === "b" && broken) throw new Error("down");
        return item.toUpperCase();
      }
      override async post(shared: Store, _items: unknown, results: string[]) {
        shared.items = results;
        return undefined;
      }
    }
    class Each extends ours.BatchFlow<Store> {
      override async prep() {
        return [{ n: 1 }, { n: 2 }];
      }
    }
    class Add extends ours.Node<Store, { n: number }> {
      override async exec() {
        calls.push(`add ${this._params.n}`);
        return this._params.n;
      }
      override async post(shared: Store, _prepRes: unknown, n: number) {
        shared.sum = (shared.sum ?? 0) + n;
        return undefined;
      }
    }
    const start = new Paid();
    start.next(new Items()).next(new Each(new Add()));
    const flow = new ours.Flow(start);
    const journal = await openJournal(":memory:");
    try {
      const first = await rejection(flow.run({}, { journal, runId: "run" }));
      expect(first).toEqual(new Error("down"));
      broken = false;
      const shared: Store = {};
      await flow.run(shared, { journal, runId: "run" });
      expect(shared).toEqual({ paid: 5, items: ["A", "B"], sum: 3 });
      expect(calls).toEqual(["paid", "a", "b", "b", "add 1", "add 2"]);
    } finally {
      await journal.close();
    }
  });

  test("an error of sluice in a hook is an error as any", async () => {
    const error = new SluiceError("TIMEOUT", "no");
    let calls = 0;
    const exec = () => {
      calls++;
      return Promise.reject(error);
    };
    expect(await rejection(Object.assign(new ours.Node(2), { exec }).run({}))).toBe(error);
    expect(calls).toBe(2);
  });
});
