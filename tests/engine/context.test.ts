import { getEventListeners } from "node:events";
import EventEmitter from "eventemitter3";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  type Context,
  type DataEvent,
  Flow,
  Node,
  node,
  parallel,
  type RunEvents,
} from "sluice";
import { afterEach, describe, expect, test, vi } from "vitest";
import { deferred, rejection, turn } from "../support/deferred.js";

afterEach(() => void vi.useRealTimers());

/** A node that hands the context of each of its hooks to the test. */
const spy = (see: (hook: string, ctx: Context) => void, options: object = {}) =>
  node({
    ...options,
    prep: (_shared: unknown, ctx) => void see("prep", ctx),
    exec: (_prepared, ctx) => void see("exec", ctx),
    post: (_shared, _prepared, _result, ctx) => void see("post", ctx),
  });

const emitter = () => new EventEmitter<RunEvents>();
const dataOf = (events: ReturnType<typeof emitter>) => {
  const seen: DataEvent[] = [];
  events.on("data", (event) => void seen.push(event));
  return seen;
};

describe("every hook gets a context as its last argument", () => {
  test("of a node: prep, exec, execFallback, post", async () => {
    const hooks: string[] = [];
    const check = (hook: string, ctx: Context) => {
      expect(ctx.params).toEqual({});
      expect(ctx.attempt).toBe(0);
      expect(ctx.index).toBeUndefined();
      expect(ctx.signal.aborted).toBe(false);
      expect(ctx.runId).toBe("run-1");
      hooks.push(hook);
    };
    const step = node({
      prep: (_shared: unknown, ctx) => check("prep", ctx),
      exec: (_prepared, ctx) => {
        check("exec", ctx);
        throw new Error("to the fallback");
      },
      execFallback: (_prepared, _error, ctx) => check("execFallback", ctx),
      post: (_shared, _prepared, _result, ctx) => check("post", ctx),
    });
    await new Flow(step).run({}, { runId: "run-1" });
    expect(hooks).toEqual(["prep", "exec", "execFallback", "post"]);
  });

  test("of a batch flow: prep, fork, join, onResult, execFallback, post", async () => {
    const seen: [string, number | undefined, string][] = [];
    const see = (hook: string, ctx: Context) => void seen.push([hook, ctx.index, ctx.runId]);
    const flow = Object.assign(
      new BatchFlow(
        node({
          prep: (_shared: unknown, { params }) => {
            if (params.bad) throw new Error("bad");
          },
        }),
      ),
      {
        prep: (_shared: object, ctx: Context) => {
          see("prep", ctx);
          return [{}, { bad: true }];
        },
        fork: (shared: object, _params: object, ctx: Context) => {
          see("fork", ctx);
          return shared;
        },
        join: (_shared: object, _params: object, _local: object, ctx: Context) => see("join", ctx),
        onResult: (_shared: object, _action: unknown, _params: object, ctx: Context) => see("onResult", ctx),
        execFallback: (_params: object, _error: unknown, ctx: Context) => see("execFallback", ctx),
        post: (_shared: object, _items: unknown, _actions: unknown, ctx: Context) => see("post", ctx),
      },
    );
    await flow.run({}, { runId: "r" });
    expect(seen).toEqual([
      ["prep", undefined, "r"],
      ["fork", 0, "r"],
      ["join", 0, "r"],
      ["onResult", 0, "r"],
      ["fork", 1, "r"],
      ["execFallback", 1, "r"],
      ["onResult", 1, "r"],
      ["post", undefined, "r"],
    ]);
  });

  test("all of it may be destructured", async () => {
    const events = emitter();
    const seen = dataOf(events);
    const step = node({
      exec: async (_prepared: undefined, { params, signal, runId, attempt, index, emit, charge }) => {
        charge(3);
        await emit({ params, aborted: signal.aborted, runId, attempt, index });
      },
    });
    await step.run({}, { events, runId: "r", params: { a: 1 } });
    expect(seen.map(({ data }) => data)).toEqual([
      { params: { a: 1 }, aborted: false, runId: "r", attempt: 0, index: undefined },
    ]);
  });
});

describe("params", () => {
  const paramsIn = async (build: (leaf: Node) => Flow | Node, params?: object) => {
    const seen: unknown[] = [];
    await build(spy((hook, ctx) => hook === "exec" && seen.push(ctx.params)) as Node).run(
      {},
      { params: params as never },
    );
    return seen;
  };

  test("of run() reach every node", async () => {
    expect(await paramsIn((leaf) => leaf, { a: 1 })).toEqual([{ a: 1 }]);
    expect(await paramsIn((leaf) => new Flow(new Flow(leaf)), { a: 1 })).toEqual([{ a: 1 }]);
    expect(await paramsIn((leaf) => leaf)).toEqual([{}]);
  });

  test("merge from the outer flow in, and the inner one wins", async () => {
    const build = (leaf: Node) =>
      new Flow(
        new Flow(new Flow(leaf, { params: { c: 3, who: "inner" } }), { params: { b: 2, who: "mid" } }),
      );
    expect(await paramsIn(build, { a: 1, who: "run" })).toEqual([{ a: 1, b: 2, c: 3, who: "inner" }]);
  });

  test("of an iteration win over those of its flow, and those over the ones around", async () => {
    const build = (leaf: Node) =>
      Object.assign(new BatchFlow(leaf, { params: { flow: 1, both: "flow" } }), {
        prep: () => [{ n: 0 }, { n: 1, both: "iteration" }],
      });
    expect(await paramsIn(build, { flow: 0, run: 1 })).toEqual([
      { run: 1, flow: 1, both: "flow", n: 0 },
      { run: 1, flow: 1, both: "iteration", n: 1 },
    ]);
  });

  test("of a flow do not reach what comes after it", async () => {
    const seen: unknown[] = [];
    const leaf = () => spy((hook, ctx) => hook === "exec" && seen.push(ctx.params));
    const inner = new Flow(leaf(), { params: { inner: true } });
    inner.next(leaf());
    await new Flow(inner).run({});
    expect(seen).toEqual([{ inner: true }, {}]);
  });

  test("are frozen, and copies: neither a hook nor the caller can change them for others", async () => {
    const mine = { a: 1 };
    const own = { b: 1 };
    const step = node({
      exec: (_prepared: undefined, { params }) => {
        mine.a = 2;
        own.b = 2;
        expect(() => {
          (params as { a: number }).a = 3;
        }).toThrow(TypeError);
        expect(params).toEqual({ a: 1, b: 1 });
      },
    });
    await new Flow(step, { params: own }).run({}, { params: mine });
    expect(mine).toEqual({ a: 2 });
    expect(own).toEqual({ b: 2 });
    const alone = node({
      exec: (_prepared: undefined, { params }) => {
        mine.a = 3;
        expect(Object.isFrozen(params)).toBe(true);
        expect(params).toEqual({ a: 2 });
      },
    });
    await alone.run({}, { params: mine });
    expect(Object.isFrozen(mine)).toBe(false);
  });
});

describe("runId", () => {
  test("is given, or a random UUID, and the same in every hook", async () => {
    const ids: string[] = [];
    const flow = new Flow(new Flow(spy((_hook, ctx) => void ids.push(ctx.runId))));
    await flow.run({}, { runId: "mine" });
    expect(ids).toEqual(["mine", "mine", "mine"]);
    await flow.run({});
    await flow.run({});
    const [first, second] = [ids.slice(3, 6), ids.slice(6)];
    expect(new Set(first).size).toBe(1);
    expect(new Set(second).size).toBe(1);
    expect(first[0]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(first[0]).not.toBe(second[0]);
  });
});

describe("attempt and index", () => {
  test("attempt counts exec's tries from 0; prep and post see 0", async () => {
    const seen: [string, number][] = [];
    let tries = 0;
    const step = node({
      attempts: 3,
      prep: (_shared: unknown, { attempt }) => void seen.push(["prep", attempt]),
      exec: (_prepared, { attempt }) => {
        seen.push(["exec", attempt]);
        if (++tries < 3) throw new Error("again");
      },
      post: (_shared, _prepared, _result, { attempt }) => void seen.push(["post", attempt]),
    });
    await step.run({});
    expect(seen).toEqual([
      ["prep", 0],
      ["exec", 0],
      ["exec", 1],
      ["exec", 2],
      ["post", 0],
    ]);
  });

  test("execFallback gets the number of the last attempt", async () => {
    const fallback = vi.fn((_item: unknown, _error: unknown, ctx: Context) => [ctx.attempt, ctx.index]);
    const batch = Object.assign(new BatchNode({ attempts: 3 }), {
      prep: () => ["a", "b"],
      exec: (item: string) => {
        if (item === "b") throw new Error("b");
      },
      execFallback: fallback,
    });
    await batch.run({});
    expect(fallback.mock.results.map(({ value }) => value)).toEqual([[2, 1]]);
  });

  test("index is the item's, in input order, whatever ends first", async () => {
    const seen: [string, number | undefined][] = [];
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 3 }), {
      async *prep() {
        yield* ["a", "b", "c", "d"];
      },
      exec: async (item: string, { index }: Context) => {
        await turn();
        seen.push([item, index]);
      },
    });
    await batch.run({});
    expect(new Map(seen)).toEqual(
      new Map([
        ["a", 0],
        ["b", 1],
        ["c", 2],
        ["d", 3],
      ]),
    );
  });

  test("inside a batch flow index is the nearest iteration's, and undefined outside of all", async () => {
    const seen: (number | undefined)[] = [];
    const leaf = spy((hook, ctx) => hook === "exec" && seen.push(ctx.index));
    const inner = Object.assign(new BatchFlow(new Flow(leaf)), { prep: () => [{}, {}] });
    const outer = Object.assign(new BatchFlow(inner), { prep: () => [{}, {}, {}] });
    outer.next(spy((hook, ctx) => hook === "exec" && seen.push(ctx.index)));
    await new Flow(outer).run({});
    expect(seen).toEqual([0, 1, 0, 1, 0, 1, undefined]);
  });
});

describe("signal", () => {
  test("is one object for an attempt however often it is read, and never exchanged", async () => {
    const signals: AbortSignal[] = [];
    const step = node({
      attempts: 2,
      exec: (_prepared: undefined, ctx) => {
        signals.push(ctx.signal, ctx.signal);
        if (ctx.attempt === 0) throw new Error("again");
      },
    });
    await step.run({});
    expect(signals[0]).toBe(signals[1]);
    expect(signals[2]).toBe(signals[3]);
    expect(signals[0]).not.toBe(signals[2]);
  });

  test("is one for each item of a batch", async () => {
    const signals = new Set<AbortSignal>();
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      prep: () => Array.from({ length: 20 }),
      exec: (_item: unknown, { signal }: Context) => void signals.add(signal),
    });
    await batch.run({}, { signal: new AbortController().signal });
    expect(signals.size).toBe(20);
  });

  test("of the caller has one listener of ours however many hooks and runs use it, and none afterwards", async () => {
    const { signal } = new AbortController();
    const hold = deferred();
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 50 }), {
      prep: () => Array.from({ length: 50 }),
      exec: (_item: unknown, ctx: Context) => {
        ctx.signal.addEventListener("abort", () => {});
        return hold.promise;
      },
    });
    const runs = Array.from({ length: 20 }, () => new Flow(batch).run({}, { signal }));
    await turn();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    hold.resolve();
    await Promise.all(runs);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("fires for siblings of a failed item, with the failure as the reason's cause", async () => {
    const failure = new Error("the first");
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      prep: () => ["waits", "fails"],
      exec: async (item: string, { signal }: Context) => {
        if (item === "fails") {
          await turn();
          throw failure;
        }
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        reasons.push(signal.reason);
      },
    });
    const reasons: unknown[] = [];
    expect(await rejection(batch.run({}))).toBe(failure);
    expect(reasons).toEqual([expect.objectContaining({ code: "SIBLING_FAILED", cause: failure })]);
  });

  test("fires at a timeout with the TIMEOUT that run() rejects with", async () => {
    const reasons: unknown[] = [];
    const step = node({
      name: "Slow",
      timeout: 1,
      exec: (_prepared: undefined, { signal }) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        return deferred().promise;
      },
    });
    const error = await rejection(step.run({}));
    expect(error).toMatchObject({ code: "TIMEOUT", message: expect.stringContaining("1") });
    expect(reasons).toEqual([error]);
  });
});

describe("emit", () => {
  test("does nothing without listeners", async () => {
    const step = node({ exec: (_prepared: undefined, { emit }) => emit("x") });
    expect(await step.run({})).toBeUndefined();
    expect(await step.run({}, { events: emitter() })).toBeUndefined();
  });

  test("does nothing after the run", async () => {
    const events = emitter();
    const seen = dataOf(events);
    let late: Context["emit"] | undefined;
    const step = node({
      exec: async (_prepared: undefined, { emit }) => {
        late = emit;
        await emit("in time");
      },
    });
    await step.run({}, { events });
    await late?.("late");
    expect(seen.map(({ data }) => data)).toEqual(["in time"]);
  });

  test("does nothing once an exec was abandoned at its timeout", async () => {
    const events = emitter();
    const seen = dataOf(events);
    const [hold, done] = [deferred(), deferred()];
    const step = node({
      attempts: 2,
      timeout: 20,
      exec: async (_prepared: undefined, { attempt, emit }) => {
        if (attempt === 1) return emit("second");
        await hold.promise;
        await emit("abandoned");
        done.resolve();
      },
      post: async () => {
        hold.resolve();
        await done.promise;
      },
    });
    await step.run({}, { events });
    expect(seen.map(({ data }) => data)).toEqual(["second"]);
  });

  test("does nothing once an exec was abandoned as the loser of a race", async () => {
    const events = emitter();
    const seen = dataOf(events);
    const [hold, done] = [deferred(), deferred()];
    const loser = node({
      exec: async (_prepared: undefined, { emit }) => {
        await hold.promise;
        await emit("lost");
        done.resolve();
      },
    });
    const race = parallel([loser, new Node()], { until: "any" });
    race.next(
      node({
        exec: async (_prepared: undefined, { emit }) => {
          hold.resolve();
          await done.promise;
          await emit("goes on");
        },
      }),
    );
    await new Flow(race).run({}, { events });
    expect(seen.map(({ data }) => data)).toEqual(["goes on"]);
  });

  test("charge does nothing outside of a gate", async () => {
    const step = node({ exec: (_prepared: undefined, { charge }) => charge(1_000) });
    expect(await step.run({})).toBeUndefined();
  });
});

describe("ctx of run(): a run inside a hook", () => {
  test("ends with the signal of the hook it is in", async () => {
    const reason = new Error("stop");
    const controller = new AbortController();
    const inner = node({ exec: () => deferred().promise });
    const caught = vi.fn();
    const outer = node({
      exec: (_prepared: undefined, ctx) => inner.run({}, { ctx }).catch(caught),
    });
    const run = outer.run({}, { signal: controller.signal });
    await turn();
    controller.abort(reason);
    expect(await rejection(run)).toBe(reason);
    await turn();
    expect(caught).toHaveBeenCalledWith(reason);
  });

  test("is a run of its own: other params, other id", async () => {
    const seen: unknown[] = [];
    const inner = spy((hook, ctx) => hook === "exec" && seen.push([ctx.params, ctx.runId]));
    const outer = node({
      exec: (_prepared: undefined, ctx) => inner.run({}, { ctx, params: { b: 2 }, runId: "inner" }),
    });
    await outer.run({}, { params: { a: 1 }, runId: "outer" });
    expect(seen).toEqual([[{ b: 2 }, "inner"]]);
  });
});

test("contexts of parallel iterations are never mixed up", async () => {
  const seen: unknown[] = [];
  const leaf = node({
    prep: async (_shared: unknown, ctx) => {
      await turn();
      return ctx.params.n;
    },
    exec: async (n: number, ctx) => {
      await turn();
      seen.push([n, ctx.params.n, ctx.index]);
    },
  });
  const flow = Object.assign(new AsyncParallelBatchFlow(new Flow(leaf)), {
    prep: () => [0, 1, 2, 3].map((n) => ({ n })),
  });
  await flow.run({});
  expect(seen).toEqual([0, 1, 2, 3].map((n) => [n, n, n]));
});
