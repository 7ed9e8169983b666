import {
  type Action,
  BatchFlow,
  BatchNode,
  type Context,
  chain,
  Flow,
  locate,
  Node,
  node,
  Parallel,
  parallel,
  SluiceError,
} from "sluice";
import { describe, expect, test, vi } from "vitest";
import { deferred, rejection, turn } from "../support/deferred.js";

describe("node()", () => {
  test("is a Node with the hooks and options of one object", async () => {
    const shared: { n: number; doubled?: number } = { n: 21 };
    let tries = 0;
    const double = node({
      name: "Double",
      attempts: 2,
      prep: (store: typeof shared) => store.n,
      exec: (n) => {
        if (++tries === 1) throw new Error("again");
        return n * 2;
      },
      post: (store, _n, doubled) => {
        store.doubled = doubled;
        return "done" as const;
      },
    });
    expect(double).toBeInstanceOf(Node);
    expect(double.name).toBe("Double");
    expect(await double.run(shared)).toBe("done");
    expect(shared.doubled).toBe(42);
    expect(tries).toBe(2);
  });

  test("takes a fallback", async () => {
    const rescued = node({
      exec: (): string => {
        throw new Error("x");
      },
      execFallback: (_prepared: undefined, error) => (error as Error).message,
      post: (_shared, _prepared, result) => result,
    });
    expect(await rescued.run({})).toBe("x");
  });

  test("takes hooks that are undefined as left out", async () => {
    const made = node({ prep: undefined, exec: undefined, post: undefined, cost: undefined } as object);
    expect(await made.run({})).toBeUndefined();
  });

  test("refuses a hook that is no function, an unknown key, and what is no object", () => {
    for (const [definition, code] of [
      [{ exec: "fetch" }, "INVALID_OPTION"],
      [{ post: null }, "INVALID_OPTION"],
      [{ exce: () => 1 }, "UNKNOWN_OPTION"],
      [{ fork: () => 1 }, "UNKNOWN_OPTION"],
      [() => 1, "INVALID_OPTION"],
      [undefined, "INVALID_OPTION"],
    ] as const) {
      expect(() => node(definition as never)).toThrow(expect.objectContaining({ code }));
    }
    expect(() => node({ exce: () => 1 } as never)).toThrow(/did you mean `exec`/);
  });

  test.each([
    ["prepAsync", "prep"],
    ["execAsync", "exec"],
    ["postAsync", "post"],
    ["prep_async", "prep"],
    ["exec_async", "exec"],
    ["post_async", "post"],
    ["exec_fallback", "execFallback"],
  ])("refuses %s with the hint to write %s", (wrong, right) => {
    expect(() => node({ [wrong]: () => 1 } as never)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(`\`${right}\`;`.slice(0, -1)) }),
    );
    expect(() => node({ [wrong]: () => 1 } as never)).toThrow(new RegExp(`(write|mean) \`${right}\``));
  });
});

describe("chain()", () => {
  test("links in a row and returns the first", async () => {
    const trace: string[] = [];
    const says = (name: string) => node({ prep: () => void trace.push(name) });
    const [a, b, c] = [says("a"), says("b"), says("c")];
    expect(chain(a, b, c)).toBe(a);
    await new Flow(a).run({});
    expect(trace).toEqual(["a", "b", "c"]);
  });

  test("enters at its first node where it is linked", async () => {
    const trace: string[] = [];
    const says = (name: string) => node({ prep: () => void trace.push(name) });
    const route = node({ post: () => "x" as const });
    route.on("x", chain(says("b"), says("c")));
    await new Flow(route).run({});
    expect(trace).toEqual(["b", "c"]);
  });

  test("of one node is that node; of none, or of no node, is refused", () => {
    const one = new Node();
    expect(chain(one)).toBe(one);
    expect(() => (chain as (...nodes: unknown[]) => unknown)()).toThrow(SluiceError);
    expect(() => chain(one, {} as never)).toThrow(expect.objectContaining({ code: "INVALID_NODE" }));
    expect(() => chain(Node as never)).toThrow(/`new`/);
  });
});

describe("parallel()", () => {
  const returns = (action: Action, turns = 0) =>
    node({
      exec: async () => {
        for (let n = 0; n < turns; n++) await turn();
      },
      post: () => action,
    });
  const fails = (error: unknown, turns = 0) =>
    node({
      name: "Fails",
      exec: async () => {
        for (let n = 0; n < turns; n++) await turn();
        throw error;
      },
    });
  /** A branch that waits for its signal, and tells the test what it was told. */
  const waits = (told: unknown[], log: string[] = []) =>
    node({
      exec: (_prepared: unknown, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            told.push(signal.reason);
            resolve();
          });
        }),
      post: () => void log.push("post of an aborted branch"),
    });

  test("runs its branches at the same time on the same store", async () => {
    const log: string[] = [];
    const hold = deferred();
    const branch = (name: string) =>
      node({
        prep: (shared: Record<string, boolean>) => {
          log.push(`${name} starts`);
          return shared;
        },
        exec: () => hold.promise,
        post: (shared) => void (shared[name] = true),
      });
    const shared: Record<string, boolean> = {};
    const run = parallel([branch("a"), branch("b"), branch("c")]).run(shared);
    await turn();
    expect(log).toEqual(["a starts", "b starts", "c starts"]);
    hold.resolve();
    await run;
    expect(shared).toEqual({ a: true, b: true, c: true });
  });

  test("waits for the slowest branch, then follows default", async () => {
    const order: string[] = [];
    const slow = node({ exec: () => turn(), post: () => void order.push("slow") });
    const quick = node({ post: () => void order.push("quick") });
    const both = parallel([slow, quick]);
    both.next(node({ prep: () => void order.push("after") }));
    await new Flow(both).run({});
    expect(order).toEqual(["quick", "slow", "after"]);
  });

  test("hands the branches' actions to post in branch order, and post picks the action", async () => {
    const post = vi.fn((_shared: unknown, _prepared: undefined, actions: Action[]) => actions.join("+"));
    const both = parallel([returns("slow", 3), returns("quick"), returns("mid", 1), returns(undefined)], {
      post,
    });
    expect(await both.run({})).toBe("slow+quick+mid+");
    expect(post.mock.calls[0]![2]).toEqual(["slow", "quick", "mid", undefined]);
  });

  test("a branch's action is an outcome: no link of a branch is followed", async () => {
    const never = vi.fn();
    const branch = returns("x");
    branch.on("x", node({ prep: never }));
    expect(await parallel([branch]).run({})).toBeUndefined();
    expect(never).not.toHaveBeenCalled();
  });

  test("branches may be flows, batches, and other parallels, and one node may be there twice", async () => {
    const inner = new Flow(chain(new Node(), returns("inner")));
    const seen: number[] = [];
    const batch = Object.assign(new BatchNode(), {
      prep: () => [1, 2],
      exec: (n: number) => void seen.push(n),
      post: () => "batch",
    });
    const each = Object.assign(new BatchFlow(returns("walk")), {
      prep: () => [{}, {}],
      post: (_shared: unknown, _items: unknown, actions: Action[]) => actions.join(","),
    });
    const nested = parallel([returns("a", 1), returns("b")], {
      post: (_shared, _prepared, both) => both.join(""),
    });
    const post = vi.fn();
    await new Flow(parallel([inner, batch, each, nested, inner], { post })).run({});
    expect(post.mock.calls[0]![2]).toEqual(["inner", "batch", "walk,walk", "ab", "inner"]);
    expect(seen).toEqual([1, 2]);
  });

  test("its branches see the params, the index and the run around it", async () => {
    const seen: unknown[] = [];
    const branch = node({
      prep: (_shared: unknown, { params, index, runId }: Context) => void seen.push([params, index, runId]),
    });
    const each = Object.assign(new BatchFlow(parallel([branch, branch])), { prep: () => [{ n: 7 }] });
    await each.run({}, { runId: "r", params: { run: 1 } });
    expect(seen).toEqual(Array(2).fill([{ n: 7, run: 1 }, 0, "r"]));
  });

  test("refuses an empty list of branches, values that are not nodes, and options of other nodes", () => {
    for (const [branches, code] of [
      [[], "INVALID_OPTION"],
      [undefined, "INVALID_OPTION"],
      [new Node(), "INVALID_OPTION"],
      [[new Node(), Node], "INVALID_NODE"],
      [[undefined], "INVALID_NODE"],
    ] as const) {
      expect(() => parallel(branches as never)).toThrow(expect.objectContaining({ code }));
    }
    expect(() => parallel([new Node()], { attempts: 3 } as never)).toThrow(
      expect.objectContaining({ code: "UNKNOWN_OPTION" }),
    );
  });

  test("keeps the branches it was made with", async () => {
    const branches = [returns("a")];
    const post = vi.fn();
    const made = parallel(branches, { post });
    branches.push(returns("b"));
    await made.run({});
    expect(post.mock.calls[0]![2]).toEqual(["a"]);
    expect(made.name).toBe("parallel");
  });

  test("may be subclassed, frozen and spied on", async () => {
    class Both extends Parallel {
      override post(_shared: unknown, _prepared: undefined, outcomes: Action[]) {
        return outcomes.join("&");
      }
    }
    const both = new Both([returns("a"), returns("b")]);
    expect(both.name).toBe("Both");
    const spy = vi.spyOn(both, "post");
    expect(await Object.freeze(both).run({})).toBe("a&b");
    expect(spy).toHaveBeenCalledOnce();
  });

  describe("until: all, the default", () => {
    test("throws the first failure as it is, and locates it", async () => {
      const error = new Error("first");
      const post = vi.fn();
      const made = parallel([fails(new Error("later"), 5), fails(error, 1), returns("x")], {
        post,
        name: "All",
      });
      expect(await rejection(new Flow(made, { name: "Main" }).run({}))).toBe(error);
      expect(locate(error)).toMatchObject({ path: ["Main", "All", "Fails"], node: "Fails" });
      expect(post).not.toHaveBeenCalled();
    });

    test("aborts the rest with SIBLING_FAILED and waits for it", async () => {
      const error = new Error("first");
      const [told, log]: [unknown[], string[]] = [[], []];
      const hold = deferred();
      const slow = node({
        exec: (_prepared: unknown, { signal }) => {
          signal.addEventListener("abort", () => log.push("told"));
          return hold.promise.then(() => log.push("ended"));
        },
      });
      const run = rejection(parallel([waits(told, log), fails(error, 1), slow]).run({})).then((reason) => {
        log.push("rejected");
        return reason;
      });
      for (let turns = 0; turns < 4; turns++) await turn();
      expect(log).toEqual(["told"]);
      hold.resolve();
      expect(await run).toBe(error);
      expect(log).toEqual(["told", "ended", "rejected"]);
      expect(told).toEqual([expect.objectContaining({ code: "SIBLING_FAILED", cause: error })]);
    });

    test("a branch that has not begun when another fails takes no step", async () => {
      const never = vi.fn();
      const first = node({
        prep: () => {
          throw new Error("at once");
        },
      });
      const late = new Flow(chain(new Node(), node({ exec: () => turn() }), node({ prep: never })));
      await expect(parallel([first, late]).run({})).rejects.toThrow("at once");
      expect(never).not.toHaveBeenCalled();
    });

    test("two failures at once: the first branch's is thrown, the other goes nowhere", async () => {
      const [a, b] = [new Error("a"), new Error("b")];
      expect(await rejection(parallel([fails(a), fails(b)]).run({}))).toBe(a);
      expect(await rejection(parallel([fails(undefined), fails(b)]).run({}))).toBeUndefined();
    });
  });

  describe("until: any", () => {
    test("takes the first success, and aborts the losers with BRANCH_LOST", async () => {
      const [told, log]: [unknown[], string[]] = [[], []];
      const post = vi.fn();
      await parallel([waits(told, log), fails(new Error("early")), returns("winner", 2)], {
        until: "any",
        post,
      }).run({});
      expect(post.mock.calls[0]![2]).toEqual([undefined, undefined, "winner"]);
      expect(told).toEqual([expect.objectContaining({ code: "BRANCH_LOST" })]);
      expect(log).toEqual([]);
    });

    test("does not wait for a loser's exec that ignores its signal, but for hooks that touch the store", async () => {
      const hold = deferred();
      const log: string[] = [];
      const hangs = node({ exec: () => deferred().promise });
      const busy = node({
        prep: async () => {
          await hold.promise;
          log.push("prep ended");
        },
        exec: () => void log.push("exec"),
      });
      const run = parallel([hangs, busy, returns("winner")], { until: "any" })
        .run({})
        .then(() => log.push("resolved"));
      for (let turns = 0; turns < 4; turns++) await turn();
      expect(log).toEqual([]);
      hold.resolve();
      await run;
      expect(log).toEqual(["prep ended", "resolved"]);
    });

    test("of branches that end at the same time only one wins", async () => {
      for (const turns of [0, 1]) {
        const post = vi.fn();
        await parallel([returns("a", turns), returns("b", turns), returns("c", turns)], {
          until: "any",
          post,
        }).run({});
        expect(post.mock.calls[0]![2]).toEqual(["a", undefined, undefined]);
      }
      const post = vi.fn();
      const sync = (action: Action) => node({ post: () => action });
      await parallel([sync("a"), sync("b")], { until: "any", post }).run({});
      expect(post.mock.calls[0]![2]).toEqual(["a", undefined]);
    });

    test("with none throws an AggregateError of all failures, in branch order", async () => {
      const [a, b] = [new Error("a"), new Error("b")];
      const post = vi.fn();
      const error = await rejection(
        parallel([fails(a, 3), fails(b)], { until: "any", post, name: "Race" }).run({}),
      );
      expect(error).toBeInstanceOf(AggregateError);
      expect((error as AggregateError).errors).toEqual([a, b]);
      expect((error as AggregateError).message).toContain('"Race"');
      expect(post).not.toHaveBeenCalled();
    });

    test("success is an action of undefined too", async () => {
      expect(
        await parallel([fails(new Error("x")), returns(undefined)], { until: "any" }).run({}),
      ).toBeUndefined();
    });
  });

  describe("until: settled", () => {
    test("runs all to their end, and gives one result each", async () => {
      const error = new Error("b");
      const post = vi.fn();
      await parallel([returns("a", 3), fails(error), fails(undefined, 1), returns(undefined)], {
        until: "settled",
        post,
      }).run({});
      expect(post.mock.calls[0]![2]).toEqual([
        { status: "fulfilled", value: "a" },
        { status: "rejected", reason: error },
        { status: "rejected", reason: undefined },
        { status: "fulfilled", value: undefined },
      ]);
      expect(post.mock.calls[0]![2][1].reason).toBe(error);
    });

    test("a failure aborts no other branch", async () => {
      const signals: AbortSignal[] = [];
      const branch = node({
        exec: async (_prepared: unknown, { signal }) => {
          signals.push(signal);
          await turn();
          expect(signal.aborted).toBe(false);
        },
      });
      const post = vi.fn();
      await parallel([fails(new Error("x")), branch], { until: "settled", post }).run({});
      expect(signals).toHaveLength(1);
      expect(post.mock.calls[0]![2][1]).toEqual({ status: "fulfilled", value: undefined });
    });
  });

  describe.each(["all", "any", "settled"] as const)("until: %s", (until) => {
    test("an abort of the run rejects with its reason, whatever the branches came to", async () => {
      const reason = new Error("stop");
      const controller = new AbortController();
      const post = vi.fn();
      const run = parallel([node({ exec: () => deferred().promise }), fails(new Error("x"), 50)], {
        until,
        post,
      }).run({}, { signal: controller.signal });
      await turn();
      controller.abort(reason);
      expect(await rejection(run)).toBe(reason);
      expect(post).not.toHaveBeenCalled();
    });

    test("post that throws fails the node", async () => {
      const error = new Error("post");
      const made = parallel([returns("a")], {
        until: until as "all",
        name: "Made",
        post: (): undefined => {
          throw error;
        },
      });
      expect(await rejection(made.run({}))).toBe(error);
      expect(locate(error)).toMatchObject({ path: ["Made"], node: "Made" });
    });
  });
});
