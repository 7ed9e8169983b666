import {
  type Action,
  AsyncFlow,
  AsyncParallelBatchFlow,
  type BaseNode,
  BatchFlow,
  BatchNode,
  chain,
  Flow,
  locate,
  Node,
  node,
  parallel,
  SluiceError,
} from "sluice";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { deferred, rejection } from "../support/deferred.js";

let warnings: MockInstance<typeof process.emitWarning>;
beforeEach(() => {
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(() => warnings.mockRestore());
const warned = () => warnings.mock.calls.map(([message]) => String(message));

interface Trace {
  trace: string[];
}
/** A node that writes its name into the store, and returns the actions one after another. */
const says = (name: string, ...actions: Action[]) =>
  node({
    name,
    post: (shared: Trace): Action => {
      const visits = shared.trace.filter((each) => each === name).length;
      shared.trace.push(name);
      return actions[Math.min(visits, actions.length - 1)];
    },
  });
const traceOf = async (flow: BaseNode<Trace>) => {
  const shared: Trace = { trace: [] };
  const action = await flow.run(shared);
  return { trace: shared.trace.join(" "), action };
};

describe("the walk", () => {
  test("follows the action of each node, and ends where none leads on", async () => {
    const [a, b, c] = [says("a"), says("b", "x"), says("c", "end")];
    a.next(b);
    b.on("x", c).on("y", says("never"));
    expect(await traceOf(new Flow(a))).toEqual({ trace: "a b c", action: "end" });
  });

  test("loops as long as an action leads back", async () => {
    const [a, b] = [says("a"), says("b", "again", "again", "done")];
    a.next(b);
    b.on("again", a).end("done");
    expect(await traceOf(new Flow(a))).toEqual({ trace: "a b a b a b", action: "done" });
  });

  test("of a node onto itself", async () => {
    const a = says("a", "again", "again", undefined);
    a.on("again", a);
    expect(await traceOf(new Flow(a))).toEqual({ trace: "a a a", action: undefined });
  });

  test("may start anywhere, and two flows may share nodes", async () => {
    const [a, b, c] = [says("a"), says("b"), says("c")];
    chain(a, b, c);
    expect((await traceOf(new Flow(a))).trace).toBe("a b c");
    expect((await traceOf(new Flow(b))).trace).toBe("b c");
  });

  test("of ten thousand steps needs no deep stack, sync or async", async () => {
    for (const exec of [() => 1, async () => 1]) {
      const count = node({
        exec,
        post: (shared: { n: number }) => (++shared.n < 10_000 ? ("again" as const) : undefined),
      });
      count.on("again", count);
      const shared = { n: 0 };
      await new Flow(count).run(shared);
      expect(shared.n).toBe(10_000);
    }
  });

  test("links that are made after the flow still count", async () => {
    const [a, b] = [says("a"), says("b")];
    const flow = new Flow(a);
    a.next(b);
    expect((await traceOf(flow)).trace).toBe("a b");
  });

  test("a failure ends it: nothing after the failed node is called", async () => {
    const reached = vi.fn();
    const bad = node({
      exec: () => {
        throw new Error("stop");
      },
    });
    bad.next(node({ prep: reached }));
    await expect(new Flow(bad).run({})).rejects.toThrow("stop");
    expect(reached).not.toHaveBeenCalled();
  });
});

describe("a flow is a node", () => {
  test("its prep and post run around the walk, and post gets prep's result and the last action", async () => {
    const calls: unknown[] = [];
    class Outer extends Flow<Trace> {
      override async prep(shared: Trace) {
        calls.push(["prep", [...shared.trace]]);
        return "prepared";
      }
      override post(shared: Trace, prepared: unknown, last: Action) {
        calls.push(["post", [...shared.trace], prepared, last]);
        return "mine";
      }
    }
    expect(await traceOf(new Outer(says("a", "last")))).toEqual({ trace: "a", action: "mine" });
    expect(calls).toEqual([
      ["prep", []],
      ["post", ["a"], "prepared", "last"],
    ]);
  });

  test("each of its own hooks and options counts, also without the others", async () => {
    const called: string[] = [];
    const says = (name: string) => () => void called.push(name);
    const fails = node({
      exec: () => {
        throw new Error("walk");
      },
    });
    await Object.assign(new Flow(new Node()), { prep: says("prep") }).run({});
    await Object.assign(new Flow(new Node()), { post: says("post") }).run({});
    await Object.assign(new Flow(fails), { execFallback: says("execFallback") }).run({});
    expect(called).toEqual(["prep", "post", "execFallback"]);
    expect(await rejection(new Flow<object>(new Node(), { requires: ["x" as never] }).run({}))).toMatchObject(
      {
        code: "MISSING_KEYS",
      },
    );
    const walks = vi.fn(() => {
      throw new Error("walk");
    });
    await rejection(new Flow(node({ exec: walks }), { attempts: 3 }).run({}));
    expect(walks).toHaveBeenCalledTimes(3);
  });

  test("a spy on the prototype of Flow is called as well", async () => {
    const spies = (["prep", "post"] as const).map((hook) => vi.spyOn(Flow.prototype, hook));
    await new Flow(new Node()).run({});
    for (const spy of spies) {
      expect(spy).toHaveBeenCalledOnce();
      spy.mockRestore();
    }
  });

  test("its last action picks the outer edge", async () => {
    const inner = new Flow(says("a", "x"));
    inner.on("x", says("right")).on("y", says("wrong"));
    expect((await traceOf(new Flow(inner))).trace).toBe("a right");
  });

  test("without an action it follows default, as a node does", async () => {
    for (const action of [undefined, null, ""]) {
      const inner = new Flow(says("a", action));
      inner.next(says("b"));
      expect((await traceOf(new Flow(inner))).trace).toBe("a b");
    }
  });

  test("an outer post sees what the last node returned, as it was", async () => {
    for (const action of [undefined, null, "", "x"]) {
      const post = vi.fn();
      await traceOf(Object.assign(new Flow(says("a", action)), { post }));
      expect(post.mock.calls[0]?.[2]).toBe(action);
      expect((await traceOf(new Flow(new Flow(says("a", action))))).action).toBe(action);
    }
  });

  test("may be walked twice in one run, and nested in itself by a loop outside", async () => {
    const inner = new Flow(says("a", "more", "more", "done"));
    inner.on("more", inner).end("done");
    expect(await traceOf(new Flow(inner))).toEqual({ trace: "a a a", action: "done" });
  });

  test("twenty deep", async () => {
    let flow: BaseNode<Trace> = says("deep", "x");
    for (let depth = 0; depth < 20; depth++) flow = new Flow(flow, { name: `F${depth}` });
    expect(await traceOf(flow)).toEqual({ trace: "deep", action: "x" });
  });

  test("its attempts are those of whole walks, its fallback gives the action", async () => {
    const bad = node({
      post: (shared: Trace): undefined => {
        shared.trace.push("bad");
        throw new Error("walk");
      },
    });
    const fallback = vi.fn(() => "rescued");
    const flow = Object.assign(new Flow(chain(says("a"), bad), { attempts: 2 }), { execFallback: fallback });
    expect(await traceOf(flow)).toEqual({ trace: "a bad a bad", action: "rescued" });
    expect(fallback).toHaveBeenCalledOnce();
    expect(await traceOf(Object.assign(new Flow(bad), { execFallback: () => "at once" }))).toEqual({
      trace: "bad",
      action: "at once",
    });
  });

  test("a walk that times out is waited for, since it may touch the store", async () => {
    const [hold, timedOut] = [deferred(), deferred()];
    const order: string[] = [];
    const slow = node({
      post: async (_shared: unknown, _prepared, _result, { signal }) => {
        signal.addEventListener("abort", () => timedOut.resolve());
        await hold.promise;
        order.push("post ended");
      },
    });
    slow.next(node({ prep: () => void order.push("never") }));
    const run = new Flow(slow, { timeout: 1 }).run({}).catch((error) => {
      order.push("run rejected");
      return error;
    });
    await timedOut.promise;
    hold.resolve();
    expect(await run).toMatchObject({ code: "TIMEOUT" });
    expect(order).toEqual(["post ended", "run rejected"]);
  });

  test("Flow and AsyncFlow are one class", () => {
    expect(AsyncFlow).toBe(Flow);
  });
});

describe("an action with no link", () => {
  const route = (action: string) => {
    const step = node({ name: "Route", post: () => action });
    return step.on("approved", says("approved") as Node).on("rejected", says("rejected") as Node);
  };

  test("ends the flow normally, and warns once for each edge", async () => {
    const flow = new Flow(route("aproved"), { name: "Main" });
    expect(await flow.run({ trace: [] })).toBe("aproved");
    expect(await flow.run({ trace: [] })).toBe("aproved");
    expect(warned()).toEqual([
      expect.stringMatching(/"Main" > "Route".*did you mean "approved"\?.*\.end\("aproved"\)/),
    ]);
    expect(warnings.mock.calls[0]?.[1]).toMatchObject({ code: "SLUICE_UNLINKED_ACTION" });
    await new Flow(route("aproved")).run({ trace: [] });
    expect(warned()).toHaveLength(2);
  });

  test("warns for each action of a node apart", async () => {
    const step = node({ post: (shared: { action: string }) => shared.action });
    step.on("x", new Node());
    const flow = new Flow(step);
    for (const action of ["a1", "b2", "a1", "b2", "a1"]) await flow.run({ action });
    expect(warned()).toHaveLength(2);
  });

  test("names no other when none is near", async () => {
    await new Flow(route("zzzzzzzzzzzz")).run({ trace: [] });
    expect(warned()).toEqual([expect.not.stringContaining("did you mean")]);
  });

  test("of a node without links warns of nothing: it is the last", async () => {
    expect(await new Flow(node({ post: () => "done" as const })).run({})).toBe("done");
    expect(warned()).toEqual([]);
  });

  test("returning nothing to leave a loop warns of nothing", async () => {
    for (const nothing of [undefined, null, ""]) {
      const loop = says("a", "again", nothing);
      loop.on("again", loop);
      expect(await traceOf(new Flow(loop, { strict: true }))).toEqual({ trace: "a a", action: nothing });
    }
    expect(warned()).toEqual([]);
  });

  test("strict makes it an error that names the nearest action and is located", async () => {
    const error = await rejection(
      new Flow(route("aproved"), { name: "Main", strict: true }).run({ trace: [] }),
    );
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({
      code: "UNKNOWN_ACTION",
      message: expect.stringContaining('did you mean "approved"?'),
    });
    expect(locate(error)).toMatchObject({ path: ["Main", "Route"], flow: "Main", node: "Route" });
    expect(warned()).toEqual([]);
  });

  test("strict is a flow's own: neither those inside nor those around it get it", async () => {
    const inner = new Flow(route("aproved"));
    expect(await new Flow(inner, { strict: true }).run({ trace: [] })).toBe("aproved");
    const strict = new Flow(route("aproved"), { strict: true });
    expect(await rejection(new Flow(strict).run({ trace: [] }))).toMatchObject({ code: "UNKNOWN_ACTION" });
  });

  test("strict lets linked, ended and missing actions pass", async () => {
    expect(await new Flow(route("approved"), { strict: true }).run({ trace: [] })).toBeUndefined();
    expect(await new Flow(route("done").end("done"), { strict: true }).run({ trace: [] })).toBe("done");
    expect(await new Flow(route(""), { strict: true }).run({ trace: [] })).toBe("");
  });

  test("the action of an inner flow may go unlinked inside, and be linked outside, without a warning", async () => {
    const inner = new Flow(says("a", "x"));
    inner.on("x", says("b"));
    expect((await traceOf(new Flow(inner))).trace).toBe("a b");
    expect(warned()).toEqual([]);
  });
});

describe("maxSteps", () => {
  const loop = () => {
    const again = node({ name: "Again", post: () => "again" as const });
    return again.on("again", again);
  };

  test("is the most nodes that a run may visit", async () => {
    const visits = vi.fn();
    const steps = Array.from({ length: 5 }, () => node({ prep: visits }));
    const flow = new Flow(chain(steps[0]!, ...steps.slice(1)));
    expect(await flow.run({}, { maxSteps: 5 })).toBeUndefined();
    expect(visits).toHaveBeenCalledTimes(5);
    expect(await rejection(flow.run({}, { maxSteps: 4 }))).toMatchObject({ code: "MAX_STEPS" });
    expect(visits).toHaveBeenCalledTimes(9);
  });

  test("ends a loop with an error that carries the path", async () => {
    const error = await rejection(
      new Flow(new Flow(loop(), { name: "Inner" }), { name: "Main" }).run({}, { maxSteps: 100 }),
    );
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ code: "MAX_STEPS" });
    expect((error as Error).message).toMatch(/`maxSteps: 100`.*"Main" > "Inner" > "Again"/);
    expect(locate(error)).toMatchObject({ path: ["Main", "Inner", "Again"], flow: "Inner", node: "Again" });
  });

  test("counts the steps of nested flows, of iterations and of branches together", async () => {
    const visits = vi.fn();
    const leaf = () => node({ prep: visits });
    const nested = new Flow(chain(leaf(), leaf()));
    const batch = Object.assign(new BatchFlow(leaf()), { prep: () => [{}, {}, {}] });
    const both = parallel([leaf(), leaf()]);
    chain(nested as BaseNode, batch, both);
    const flow = new Flow(nested);
    // nested 1 + 2, batch 1 + 3, parallel 1 + 2
    expect(await flow.run({}, { maxSteps: 10 })).toBeUndefined();
    expect(visits).toHaveBeenCalledTimes(7);
    expect(await rejection(flow.run({}, { maxSteps: 9 }))).toMatchObject({ code: "MAX_STEPS" });
  });

  test("does not count the items of a batch node, nor attempts", async () => {
    let tries = 0;
    const batch = Object.assign(new BatchNode({ attempts: 3 }), {
      prep: () => [1, 2, 3],
      exec: () => {
        if (++tries % 3 !== 0) throw new Error("again");
      },
    });
    expect(await new Flow(batch).run({}, { maxSteps: 1 })).toBeUndefined();
    expect(tries).toBe(9);
  });

  test("is counted for each run apart, and unlimited unless given", async () => {
    const flow = new Flow(chain(new Node(), new Node()));
    for (let runs = 0; runs < 3; runs++) await flow.run({}, { maxSteps: 2 });
    expect(await flow.run({}, { maxSteps: Number.POSITIVE_INFINITY })).toBeUndefined();
  });

  test("is never tried again, never a fallback, never collected, never an outcome", async () => {
    const rescue = vi.fn(() => "rescued");
    const retryIf = vi.fn(() => true);
    const post = vi.fn();
    const walks = {
      attempts: Object.assign(new Flow(loop(), { attempts: 3, retryIf }), { execFallback: rescue, post }),
      fallback: Object.assign(new Flow(loop()), { execFallback: rescue, post }),
      collect: Object.assign(new BatchFlow(loop(), { onError: "collect", attempts: 2, retryIf }), {
        prep: () => [{}, {}],
        execFallback: rescue,
        post,
      }),
      settled: parallel([new Flow(loop()), new Node()], { until: "settled", post }),
      any: parallel([new Flow(loop())], { until: "any", post }),
    };
    for (const [kind, walk] of Object.entries(walks)) {
      const error = await rejection(new Flow(walk as BaseNode).run({}, { maxSteps: 20 }));
      expect(error, kind).toMatchObject({ code: "MAX_STEPS" });
    }
    expect(rescue).not.toHaveBeenCalled();
    expect(retryIf).not.toHaveBeenCalled();
    expect(post).not.toHaveBeenCalled();
  });
});

test("a subclass may have methods of its own: no name is taken but those of the documentation", () => {
  const documented = ["prep", "stream", "exec", "execFallback", "post", "cost", "fork", "join", "onResult"];
  documented.push("constructor", "name", "next", "on", "branch", "end", "run");
  const taken = new Set<string>();
  for (
    let each: object = AsyncParallelBatchFlow;
    each !== Function.prototype;
    each = Object.getPrototypeOf(each)
  ) {
    for (const name of Object.getOwnPropertyNames((each as typeof Flow).prototype)) taken.add(name);
  }
  expect([...taken].filter((name) => !documented.includes(name))).toEqual([]);
});

test("the MAX_STEPS of a run inside an exec ends that run only: it is rescued and collected like any error", async () => {
  const loop = node({ post: () => "again" as const });
  loop.on("again", loop);
  const agent = () => new Flow(loop).run({}, { maxSteps: 5 });
  for (const attempts of [1, 2]) {
    const rescued = node({
      attempts,
      exec: agent,
      execFallback: () => "rescued",
      post: (_s: unknown, _p, e) => e,
    });
    expect(await new Flow(rescued).run({})).toBe("rescued");
    const post = vi.fn();
    const batch = new BatchNode({ attempts, onError: "collect" });
    await new Flow(Object.assign(batch, { prep: () => [1, 2], exec: agent, post })).run({});
    expect(post.mock.calls[0]![2]).toEqual(
      [0, 1].map((index) =>
        expect.objectContaining({ index, error: expect.objectContaining({ code: "MAX_STEPS" }) }),
      ),
    );
  }
});

test("one flow object serves many runs at once", async () => {
  const step = node({
    prep: async (shared: { n: number }) => shared.n,
    exec: async (n) => n * 2,
    post: async (shared, _n, doubled) => void (shared.n = doubled),
  });
  const flow = new Flow(chain(step));
  const stores = Array.from({ length: 100 }, (_, n) => ({ n }));
  await Promise.all(stores.map((store) => flow.run(store)));
  expect(stores.map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n * 2));
});
