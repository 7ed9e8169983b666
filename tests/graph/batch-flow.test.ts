import {
  AsyncBatchFlow,
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  type Context,
  chain,
  Flow,
  type FlowOptions,
  Gate,
  Node,
  node,
  ParallelBatchFlow,
  type Params,
} from "sluice";
import { describe, expect, test, vi } from "vitest";
import { deferred, rejection, turn } from "../support/deferred.js";

const classes = [
  ["BatchFlow", BatchFlow as typeof AsyncParallelBatchFlow],
  ["AsyncParallelBatchFlow", AsyncParallelBatchFlow],
] as readonly (readonly [string, typeof AsyncParallelBatchFlow])[];

interface Seen {
  seen: unknown[];
}
/** A node that writes the params it sees into the store. */
const sees = () =>
  node({
    prep: async (_shared: Seen, { params }) => params,
    post: (shared, params) => void shared.seen.push(params),
  });

describe.each(classes)("%s", (_name, Batch) => {
  test("walks once for each params, which its nodes see in ctx.params", async () => {
    const flow = Object.assign(new Batch(new Flow(sees())), { prep: () => [{ n: 0 }, { n: 1 }, { n: 2 }] });
    const shared: Seen = { seen: [] };
    await new Flow(flow).run(shared);
    expect(shared.seen).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  });

  test("hands post what prep returned and the last actions, in order", async () => {
    const leaf = node({
      exec: async (_prepared: unknown, { params }) => {
        if (params.action === "slow") for (let turns = 0; turns < 3; turns++) await turn();
        return params.action as string;
      },
      post: (_shared, _prepared, action) => action,
    });
    const items = ["slow", undefined, "", null, "x"].map((action) => ({ action }));
    const post = vi.fn(() => "mine");
    const shared = {};
    expect(await Object.assign(new Batch(leaf), { prep: () => items, post }).run(shared)).toBe("mine");
    expect(post.mock.calls.map((args: unknown[]) => args.slice(0, 3))).toEqual([
      [shared, items, ["slow", undefined, "", null, "x"]],
    ]);
  });

  test("returns nothing unless post says so, and so follows default", async () => {
    const after = vi.fn();
    const flow = Object.assign(new Batch(node({ post: () => "x" as const })), { prep: () => [{}] });
    flow.next(node({ prep: after }));
    expect(await new Flow(flow).run({})).toBeUndefined();
    expect(after).toHaveBeenCalledOnce();
  });

  test("merges params outward in, the inner ones over the outer", async () => {
    const inner = Object.assign(new Batch(sees(), { params: { own: "inner", who: "own" } }), {
      prep: (_shared: Seen, { params }: Context) => [
        { b: `${params.a}x`, who: "inner" },
        { b: `${params.a}y` },
      ],
    });
    const outer = Object.assign(new Batch(new Flow(inner)), { prep: () => [{ a: 1, who: "outer" }] });
    const shared: Seen = { seen: [] };
    await outer.run(shared, { params: { run: true, who: "run" } });
    expect(shared.seen).toEqual([
      { run: true, a: 1, own: "inner", who: "inner", b: "1x" },
      { run: true, a: 1, own: "inner", who: "own", b: "1y" },
    ]);
  });

  test("gives each iteration params of its own: neither siblings nor the caller's object change", async () => {
    const given = [{ n: 0 }, { n: 1 }];
    const leaf = node({
      prep: (shared: Seen, { params }) => {
        expect(Object.isFrozen(params)).toBe(true);
        shared.seen.push(params.n);
      },
    });
    await Object.assign(new Batch(leaf), { prep: () => given }).run({ seen: [] });
    expect(given).toEqual([{ n: 0 }, { n: 1 }]);
    expect(Object.isFrozen(given[0])).toBe(false);
  });

  test("takes async iterables and generators, and nothing at all", async () => {
    for (const prep of [
      async function* () {
        yield { n: 0 };
        yield { n: 1 };
      },
      function* () {
        yield { n: 0 };
        yield { n: 1 };
      },
      async () => new Set([{ n: 0 }, { n: 1 }]),
    ]) {
      const shared: Seen = { seen: [] };
      await Object.assign(new Batch(sees()), { prep }).run(shared);
      expect(shared.seen).toEqual([{ n: 0 }, { n: 1 }]);
    }
    for (const nothing of [null, undefined, []]) {
      const [post, fork] = [vi.fn(), vi.fn()];
      await Object.assign(new Batch(sees()), { prep: () => nothing, post, fork }).run({ seen: [] });
      expect(post.mock.calls[0]![2]).toEqual([]);
      expect(fork).not.toHaveBeenCalled();
    }
  });

  test.each<[unknown]>([["a.txt"], [3], [null], [undefined], [["a"]], [() => ({})]])(
    "refuses %o as params",
    async (params) => {
      const visited = vi.fn();
      const flow = Object.assign(new Batch(node({ prep: visited }), { name: "Each" }), {
        prep: () => [params] as never,
      });
      expect(await rejection(flow.run({}))).toMatchObject({
        code: "INVALID_PARAMS",
        message: expect.stringMatching(/"Each"/),
      });
      expect(visited).not.toHaveBeenCalled();
    },
  );

  test("takes the fields of a class instance as params", async () => {
    class File {
      path = "a.txt";
    }
    const shared: Seen = { seen: [] };
    await Object.assign(new Batch(sees()), { prep: () => [new File()] }).run(shared);
    expect(shared.seen).toEqual([{ path: "a.txt" }]);
  });

  describe("each iteration has its own", () => {
    test("attempts", async () => {
      const walks: unknown[] = [];
      const first = node({ prep: (_shared: unknown, { params }) => void walks.push(params.n) });
      const flaky = node({
        exec: (_prepared: unknown, { params, attempt }) => {
          expect(attempt).toBe(0); // the node is tried once, the walk again
          if (params.n === 1 && walks.filter((n) => n === 1).length < 3) throw new Error("again");
        },
        post: () => "done" as const,
      });
      const post = vi.fn();
      const flow = Object.assign(new Batch(chain(first as Node, flaky), { attempts: 3 }), {
        prep: () => [{ n: 0 }, { n: 1 }, { n: 2 }],
        post,
      });
      await flow.run({});
      expect([...walks].sort()).toEqual([0, 1, 1, 1, 2]);
      expect(post.mock.calls[0]![2]).toEqual(["done", "done", "done"]);
    });

    test.each<[string, FlowOptions]>([
      ["alone", {}],
      ["under a timeout", { timeout: 10_000 }],
      ["under a rate", { rate: { requests: 1_000, per: 1 } }],
    ])("number of walks and no more, and one fallback, %s", async (_kind, options) => {
      for (const attempts of [1, 2, 3]) {
        const walks = [0, 0];
        const leaf = node({
          exec: async (_prepared: unknown, { params }) => {
            walks[params.n]!++;
            throw "from a walk";
          },
        });
        const [post, fallback] = [
          vi.fn(),
          vi.fn(({ n }: Params) => {
            if (n === 1) throw "from the fallback";
            return "rescued";
          }),
        ];
        const flow = new Batch(leaf, { ...options, attempts, onError: "collect" });
        await Object.assign(flow, { prep: () => [{ n: 0 }, { n: 1 }], execFallback: fallback, post }).run({});
        expect(post.mock.calls[0]![2]).toEqual([
          "rescued",
          expect.objectContaining({ index: 1, error: "from the fallback", attempts }),
        ]);
        expect(walks).toEqual([attempts, attempts]);
        expect(fallback).toHaveBeenCalledTimes(2);
      }
    });

    test("fallback, which gives its action", async () => {
      const error = new Error("one");
      const leaf = node({
        exec: async (_prepared: unknown, { params }) => {
          if (params.n === 1) throw error;
        },
        post: () => "walked" as const,
      });
      const [post, execFallback] = [vi.fn(), vi.fn(async (_params: Params, _error: unknown) => "rescued")];
      const params = [{ n: 0 }, { n: 1 }];
      await Object.assign(new Batch(leaf), { prep: () => params, execFallback, post }).run({});
      expect(post.mock.calls[0]![2]).toEqual(["walked", "rescued"]);
      expect(execFallback.mock.calls.map(([item, cause]) => [item, cause])).toEqual([[params[1], error]]);
    });

    test("timeout", async () => {
      const leaf = node({
        exec: (_prepared: unknown, { params }) => (params.hang ? deferred().promise : undefined),
      });
      const post = vi.fn();
      await Object.assign(new Batch(leaf, { timeout: 50, onError: "collect" }), {
        prep: () => [{}, { hang: true }],
        post,
      }).run({});
      expect(post.mock.calls[0]![2]).toEqual([
        undefined,
        expect.objectContaining({ index: 1, error: expect.objectContaining({ code: "TIMEOUT" }) }),
      ]);
    });
  });

  describe("fork and join", () => {
    interface Store {
      n?: number;
      total: number;
    }
    const counts = () =>
      node({
        prep: (shared: Store, { params }) => {
          expect(shared.n).toBeUndefined();
          shared.n = params.n;
        },
        exec: () => turn(),
        post: (shared, _prepared, _result, { params }) => {
          expect(shared.n).toBe(params.n);
          shared.total += params.n;
        },
      });
    const items = [1, 2, 3, 4].map((n) => ({ n }));

    test("give each iteration a store of its own, and merge it back", async () => {
      const flow = Object.assign(new Batch(counts()), {
        prep: () => items,
        fork: async (): Promise<Store> => ({ total: 0 }),
        join: async (shared: Store, _params: Params, local: Store) => {
          const { total } = shared;
          await turn(); // joins that ran together would lose an addition here
          shared.total = total + local.total;
        },
      });
      const shared: Store = { total: 0 };
      await flow.run(shared);
      expect(shared).toEqual({ total: 10 });
    });

    test("without them all iterations share the store itself", async () => {
      const stores: unknown[] = [];
      const shared = {};
      await Object.assign(new Batch(node({ prep: (store: unknown) => void stores.push(store) })), {
        prep: () => [{}, {}],
      }).run(shared);
      expect(stores).toEqual([shared, shared]);
      expect(stores[0]).toBe(shared);
    });

    test("prep, post and onResult get the shared store", async () => {
      const shared = { shared: true };
      const stores: unknown[] = [];
      await Object.assign(new Batch(new Node()), {
        prep: (store: unknown) => {
          stores.push(store);
          return [{}];
        },
        fork: () => ({}),
        onResult: (store: unknown) => void stores.push(store),
        post: (store: unknown) => void stores.push(store),
      }).run(shared);
      for (const store of stores) expect(store).toBe(shared);
      expect(stores).toHaveLength(3);
    });

    test("an attempt forks anew, and only the store of the one that succeeded is joined", async () => {
      const forked: Store[] = [];
      const leaf = node({
        post: (local: Store): undefined => {
          local.total++;
          if (forked.length < 3) throw new Error("again");
        },
      });
      const join = vi.fn();
      const shared: Store = { total: 0 };
      await Object.assign(new Batch(leaf, { attempts: 3 }), {
        prep: () => [{}],
        fork: () => {
          forked.push({ total: 0 });
          return forked.at(-1);
        },
        join,
      }).run(shared);
      expect(forked).toEqual([{ total: 1 }, { total: 1 }, { total: 1 }]);
      expect(new Set(forked).size).toBe(3);
      expect(join).toHaveBeenCalledOnce();
      expect(join.mock.calls[0]![0]).toBe(shared);
      expect(join.mock.calls[0]![2]).toBe(forked[2]);
    });

    test("nothing is joined for an iteration that failed, nor for one that a fallback stands in for", async () => {
      const joined: unknown[] = [];
      const leaf = node({
        prep: (_shared: unknown, { params }) => {
          if (params.bad) throw new Error("walk");
        },
      });
      const hooks = {
        fork: (_shared: unknown, { noFork }: Params) => {
          if (noFork) throw new Error("fork");
          return { local: true };
        },
        join: (_shared: unknown, { n }: Params) => void joined.push(n),
      };
      const prep = () => [{ n: 0 }, { n: 1, bad: true }, { n: 2, noFork: true }, { n: 3 }];
      await Object.assign(new Batch(leaf, { onError: "collect" }), hooks, { prep }).run({});
      expect(joined).toEqual([0, 3]);
      joined.length = 0;
      await Object.assign(new Batch(leaf, { attempts: 2 }), hooks, { prep, execFallback: () => "x" }).run({});
      expect(joined).toEqual([0, 3]);
    });

    test("nothing is joined for an iteration that did not even begin: its cost() failed", async () => {
      for (const [onError, rescue] of [
        ["collect", false],
        ["throw", true],
      ] as const) {
        const joined: unknown[] = [];
        const flow = Object.assign(new Batch(new Node(), { onError, gate: new Gate({ concurrency: 1 }) }), {
          prep: () => [{ n: 0 }, { n: 1 }, { n: 2 }],
          cost: ({ n }: Params) => {
            if (n === 1) throw new Error("cost");
            return 1;
          },
          fork: (_shared: unknown, { n }: Params) => ({ of: n }),
          join: (_shared: unknown, { n }: Params, local: { of: number }) => void joined.push([n, local.of]),
        });
        if (rescue) Object.assign(flow, { execFallback: () => "rescued" });
        await flow.run({});
        expect(joined.sort()).toEqual([
          [0, 0],
          [2, 2],
        ]);
      }
    });

    test("fork that fails is an attempt that fails", async () => {
      let forks = 0;
      const post = vi.fn();
      await Object.assign(new Batch(node({ post: () => "ok" as const }), { attempts: 2 }), {
        prep: () => [{}],
        fork: async (shared: unknown) => {
          if (++forks === 1) throw new Error("again");
          return shared;
        },
        post,
      }).run({});
      expect(forks).toBe(2);
      expect(post.mock.calls[0]![2]).toEqual(["ok"]);
    });

    test("join that fails fails the batch, and is not tried again", async () => {
      const error = new Error("merge conflict");
      const [join, post] = [vi.fn().mockRejectedValue(error), vi.fn()];
      for (const onError of ["throw", "collect"] as const) {
        join.mockClear();
        const flow = Object.assign(new Batch(new Node(), { attempts: 3, onError }), {
          prep: () => [{}],
          join,
          post,
        });
        expect(await rejection(flow.run({}))).toBe(error);
        expect(join).toHaveBeenCalledOnce();
        expect(post).not.toHaveBeenCalled();
      }
    });

    test("join comes before onResult", async () => {
      const order: string[] = [];
      await Object.assign(new Batch(new Node()), {
        prep: () => [{}],
        join: () => void order.push("join"),
        onResult: () => void order.push("onResult"),
      }).run({});
      expect(order).toEqual(["join", "onResult"]);
    });

    test("a nested batch flow forks from the store of its iteration", async () => {
      const leaf = node({ post: (local: Store) => void (local.total += 1) });
      const hooks = {
        prep: () => [{}, {}],
        fork: (): Store => ({ total: 0 }),
        join: (shared: Store, _params: Params, local: Store) => void (shared.total += local.total),
      };
      const inner = Object.assign(new Batch(leaf), hooks);
      const outer = Object.assign(new Batch(inner), hooks);
      const shared: Store = { total: 0 };
      await outer.run(shared);
      expect(shared.total).toBe(4);
    });
  });
});

describe("BatchFlow", () => {
  test("goes one by one", async () => {
    const log: string[] = [];
    const leaf = node({
      prep: (_shared: unknown, { params }) => void log.push(`${params.n} starts`),
      exec: () => turn(),
      post: (_shared, _prepared, _result, { params }) => void log.push(`${params.n} ends`),
    });
    await Object.assign(new BatchFlow(leaf), { prep: () => [{ n: 0 }, { n: 1 }] }).run({});
    expect(log).toEqual(["0 starts", "0 ends", "1 starts", "1 ends"]);
  });

  test("stops at the first failure", async () => {
    const walked: number[] = [];
    const leaf = node({
      prep: (_shared: unknown, { params }) => {
        walked.push(params.n);
        if (params.n === 1) throw new Error("stop");
      },
    });
    await rejection(
      Object.assign(new BatchFlow(leaf), { prep: () => [0, 1, 2].map((n) => ({ n })) }).run({}),
    );
    expect(walked).toEqual([0, 1]);
  });
});

describe("AsyncParallelBatchFlow", () => {
  test("walks up to concurrency iterations at once, 16 by default", async () => {
    for (const [concurrency, expected] of [
      [3, 3],
      [undefined, 16],
      [Number.POSITIVE_INFINITY, 40],
    ]) {
      let running = 0;
      let peak = 0;
      const leaf = node({
        prep: async () => {
          peak = Math.max(peak, ++running);
          await turn();
        },
        post: () => void running--,
      });
      const prep = () => Array.from({ length: 40 }, () => ({}));
      await Object.assign(new AsyncParallelBatchFlow(leaf, { concurrency }), { prep }).run({});
      expect(peak).toBe(expected);
    }
  });

  test("concurrency counts for each execution apart: two levels multiply", async () => {
    let running = 0;
    let peak = 0;
    const leaf = Object.assign(new AsyncParallelBatchNode({ concurrency: 2 }), {
      prep: () => [0, 1, 2, 3],
      exec: async () => {
        peak = Math.max(peak, ++running);
        for (let turns = 0; turns < 3; turns++) await turn();
        running--;
      },
    });
    await Object.assign(new AsyncParallelBatchFlow(leaf, { concurrency: 3 }), {
      prep: () => Array.from({ length: 6 }, () => ({})),
    }).run({});
    expect(peak).toBe(6);
  });

  test("a failed iteration stops the walks of the others at their next hook, which is waited for", async () => {
    const log: string[] = [];
    const hold = deferred();
    const first = node({
      prep: async (_shared: unknown, { params }) => {
        if (params.fails) {
          await turn();
          throw new Error("sibling");
        }
        await hold.promise;
        log.push("prep ended");
      },
      exec: () => void log.push("exec"),
      post: () => void log.push("post"),
    });
    first.next(node({ prep: () => void log.push("next node") }));
    const flow = Object.assign(new AsyncParallelBatchFlow(first), { prep: () => [{}, { fails: true }] });
    const run = rejection(flow.run({})).then((error) => {
      log.push(`rejected: ${(error as Error).message}`);
    });
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(log).toEqual([]);
    hold.resolve();
    await run;
    expect(log).toEqual(["prep ended", "rejected: sibling"]);
  });

  test("an abort waits for the hooks of every iteration that may touch the store, and no further one starts", async () => {
    const controller = new AbortController();
    const log: string[] = [];
    const hold = deferred();
    const leaf = node({
      prep: async (_shared: unknown, { params }) => {
        await hold.promise;
        log.push(`prep ${params.n}`);
      },
      exec: () => void log.push("exec"),
    });
    const flow = Object.assign(new AsyncParallelBatchFlow(leaf, { concurrency: 2 }), {
      prep: () => [{ n: 0 }, { n: 1 }, { n: 2 }],
    });
    const run = rejection(flow.run({}, { signal: controller.signal })).then((reason) =>
      log.push(String(reason)),
    );
    await turn();
    controller.abort("stop");
    for (let turns = 0; turns < 3; turns++) await turn();
    expect(log).toEqual([]);
    hold.resolve();
    await run;
    expect(log).toEqual(["prep 0", "prep 1", "stop"]);
  });

  test("ParallelBatchFlow is its other name, and AsyncBatchFlow is BatchFlow", () => {
    expect(ParallelBatchFlow).toBe(AsyncParallelBatchFlow);
    expect(AsyncBatchFlow).toBe(BatchFlow);
  });
});
