import {
  AsyncBatchNode,
  AsyncParallelBatchNode,
  BatchNode,
  type BatchNodeOptions,
  type Context,
  Flow,
  Gate,
  ItemFailure,
  isFailure,
  ParallelBatchNode,
} from "sluice";
import { describe, expect, test, vi } from "vitest";
import { FAILURE } from "../../src/base/keys.js";
import { deferred, rejection, turn } from "../support/deferred.js";
import { inNoTime } from "../support/in-no-time.js";

const classes = [
  ["BatchNode", BatchNode],
  ["AsyncParallelBatchNode", AsyncParallelBatchNode],
] as const;

/** Runs a batch and gives what its post was called with. */
async function resultsOf(batch: BatchNode): Promise<unknown[]> {
  let results: unknown;
  const post = batch.post;
  batch.post = function (shared, items, list, ctx) {
    results = list;
    return post.call(this, shared, items, list, ctx);
  };
  await new Flow(batch).run({});
  return results as unknown[];
}

describe.each(classes)("%s", (_name, Batch) => {
  test("calls exec for each item, and post once with prep's result and the results in input order", async () => {
    const items = ["a", "bb", "ccc"];
    const post = vi.fn();
    const exec = vi.fn((item: string) => item.length);
    const shared = { items };
    await Object.assign(new Batch(), { prep: (store: typeof shared) => store.items, exec, post }).run(shared);
    expect(exec.mock.calls.map(([item]) => item)).toEqual(items);
    expect(post.mock.calls.map((args) => args.slice(0, 3))).toEqual([[shared, items, [1, 2, 3]]]);
    expect(post.mock.calls[0]![1]).toBe(items);
  });

  test("returns post's action", async () => {
    const batch = Object.assign(new Batch(), { prep: () => [1], post: async () => "next" });
    expect(await batch.run({})).toBe("next");
  });

  test.each<[string, () => unknown, unknown[]]>([
    ["an array", () => ["a", "b"], ["a", "b"]],
    ["a set", () => new Set(["a", "b", "a"]), ["a", "b"]],
    ["a map", () => new Map([["a", 1]]), [["a", 1]]],
    ["a typed array", () => new Uint8Array([1, 2]), [1, 2]],
    ["an array with holes", () => Array(2), [undefined, undefined]],
    [
      "a generator",
      function* () {
        yield 1;
        yield 2;
      },
      [1, 2],
    ],
    [
      "an async generator",
      async function* () {
        yield 1;
        await turn();
        yield 2;
      },
      [1, 2],
    ],
    ["a promise of an array", async () => [1, 2], [1, 2]],
    [
      "a promise of an async generator",
      async () =>
        (async function* () {
          yield* [1, 2];
        })(),
      [1, 2],
    ],
    ["a ReadableStream", () => new Blob(["x"]).stream(), [new Uint8Array([120])]],
    [
      "an object with Symbol.iterator",
      () => ({
        [Symbol.iterator]: () => [7][Symbol.iterator](),
      }),
      [7],
    ],
    [
      "what is both, read as an async iterable",
      () => ({
        [Symbol.iterator]: () => ["sync"][Symbol.iterator](),
        async *[Symbol.asyncIterator]() {
          yield "async";
        },
      }),
      ["async"],
    ],
    ["nothing", () => undefined, []],
    ["null", () => null, []],
    ["a promise of nothing", async () => undefined, []],
    ["an empty array", () => [], []],
    ["an empty async generator", async function* () {}, []],
    ["items that are undefined, null, 0 and empty", () => [undefined, null, 0, ""], [undefined, null, 0, ""]],
  ])("takes %s", async (_kind, prep, expected) => {
    const batch = Object.assign(new Batch(), { prep: prep as () => never, exec: (item: unknown) => item });
    expect(await resultsOf(batch)).toEqual(expected);
  });

  test.each<[unknown]>([
    ["some text"],
    [42],
    [true],
    [{}],
    [() => [1]],
    [Symbol("x")],
    [{ length: 2, 0: "a" }],
  ])("refuses %s as items, and names itself", async (items) => {
    const exec = vi.fn();
    const batch = Object.assign(new Batch({ name: "Lines" }), { prep: () => items as never, exec });
    const error = await rejection(batch.run({}));
    expect(error).toMatchObject({ code: "NOT_ITERABLE", message: expect.stringContaining('"Lines"') });
    expect(exec).not.toHaveBeenCalled();
  });

  test("has results of undefined for an exec that gives none", async () => {
    expect(await resultsOf(Object.assign(new Batch(), { prep: () => [1, 2] }))).toEqual([
      undefined,
      undefined,
    ]);
  });

  test("with a sync exec has run all items before run() returns", async () => {
    for (const attempts of [1, 2]) {
      const exec = vi.fn();
      const batch = Object.assign(new Batch({ attempts }), { prep: () => [1, 2, 3], exec });
      const run = inNoTime(() => batch.run({}));
      expect(exec).toHaveBeenCalledTimes(3);
      await run;
    }
  });

  test("takes ten thousand sync items without a deep stack", async () => {
    const items = Array.from({ length: 10_000 }, (_, n) => n);
    const batch = Object.assign(new Batch(), { prep: () => items, exec: (n: number) => n });
    expect(await resultsOf(batch)).toEqual(items);
  });

  describe("each item has its own", () => {
    test("attempts", async () => {
      const calls = new Map<string, number[]>();
      const batch = Object.assign(new Batch({ attempts: 3 }), {
        prep: () => ["a", "b", "c"],
        exec: async (item: string, { attempt }: Context) => {
          calls.set(item, [...(calls.get(item) ?? []), attempt]);
          await turn();
          if (item === "b" && attempt < 2) throw new Error("again");
          return item;
        },
      });
      expect(await resultsOf(batch)).toEqual(["a", "b", "c"]);
      expect(Object.fromEntries(calls)).toEqual({ a: [0], b: [0, 1, 2], c: [0] });
    });

    test.each<[string, BatchNodeOptions]>([
      ["alone", {}],
      ["under a timeout", { timeout: 10_000 }],
      ["under a gate", { gate: new Gate({ concurrency: 1 }) }],
      ["under a rate", { rate: { requests: 1_000, per: 1 } }],
    ])("number of attempts and no more, and one fallback, %s", async (_kind, options) => {
      for (const attempts of [1, 2, 3]) {
        const calls = [0, 0];
        const fallback = vi.fn((item: number) => {
          if (item === 1) throw "from the fallback";
          return "rescued";
        });
        const batch = Object.assign(new Batch({ ...options, attempts, onError: "collect" }), {
          prep: () => [0, 1],
          exec: async (item: number) => {
            calls[item]!++;
            throw "from exec";
          },
          execFallback: fallback,
        });
        expect(await resultsOf(batch)).toEqual([
          "rescued",
          expect.objectContaining({ index: 1, error: "from the fallback", attempts }),
        ]);
        expect(calls).toEqual([attempts, attempts]);
        expect(fallback.mock.calls.map(([item]) => item).sort()).toEqual([0, 1]);
      }
    });

    test("fallback, called with the item and its last error", async () => {
      const fallback = vi.fn((item: number, error: unknown) => `${item}: ${(error as Error).message}`);
      for (const attempts of [1, 2]) {
        fallback.mockClear();
        const batch = Object.assign(new Batch({ attempts }), {
          prep: () => [0, 1, 2],
          exec: (item: number, { attempt }: Context) => {
            if (item === 1) throw new Error(`try ${attempt}`);
            return item;
          },
          execFallback: fallback,
        });
        expect(await resultsOf(batch)).toEqual([0, `1: try ${attempts - 1}`, 2]);
        expect(fallback).toHaveBeenCalledOnce();
      }
    });

    test("timeout", async () => {
      const batch = Object.assign(new Batch({ timeout: 50, onError: "collect" }), {
        prep: () => ["quick", "hangs"],
        exec: (item: string) => (item === "hangs" ? deferred().promise : item),
      });
      const [quick, hangs] = await resultsOf(batch);
      expect(quick).toBe("quick");
      expect(hangs).toMatchObject({ index: 1, error: { code: "TIMEOUT" } });
    });
  });

  describe("onError: throw, the default", () => {
    test("throws what the fallback throws", async () => {
      const error = new Error("from the fallback");
      const batch = Object.assign(new Batch(), {
        prep: () => [1],
        exec: () => {
          throw new Error("from exec");
        },
        execFallback: async () => {
          throw error;
        },
      });
      expect(await rejection(batch.run({}))).toBe(error);
    });
  });

  describe("onError: collect", () => {
    test("calls post even if all failed", async () => {
      const batch = Object.assign(new Batch({ onError: "collect" }), {
        prep: () => [1, 2],
        exec: () => {
          throw undefined;
        },
      });
      const results = await resultsOf(batch);
      expect(results).toEqual([
        expect.objectContaining({ index: 0, error: undefined, attempts: 1 }),
        expect.objectContaining({ index: 1, error: undefined, attempts: 1 }),
      ]);
    });

    test("counts the attempts that each item had", async () => {
      const batch = Object.assign(
        new Batch({ onError: "collect", attempts: 5, retryIf: (error) => error !== "hopeless" }),
        {
          prep: () => [1, 2, 3, 5],
          exec: (item: number, { attempt }: Context) => {
            throw attempt + 1 === item ? "hopeless" : "again";
          },
        },
      );
      const failures = (await resultsOf(batch)) as ItemFailure[];
      expect(failures.map(({ attempts }) => attempts)).toEqual([1, 2, 3, 5]);
    });

    test("an item's fallback comes first, and what it throws is what is collected", async () => {
      const batch = Object.assign(new Batch({ onError: "collect" }), {
        prep: () => [0, 1],
        exec: () => {
          throw "exec";
        },
        execFallback: (item: number) => {
          if (item === 1) throw "fallback";
          return "rescued";
        },
      });
      const [first, second] = await resultsOf(batch);
      expect(first).toBe("rescued");
      expect(second).toMatchObject({ index: 1, error: "fallback" });
    });
  });

  describe("onResult", () => {
    test("gets failures under onError: collect", async () => {
      const taken: unknown[] = [];
      const batch = Object.assign(new Batch({ onError: "collect" }), {
        prep: () => [0, 1],
        exec: (item: number) => {
          if (item === 1) throw "bad";
          return "good";
        },
        onResult: (_shared: unknown, result: unknown) => void taken.push(result),
      });
      await batch.run({});
      expect(taken).toEqual(["good", expect.objectContaining({ index: 1, error: "bad" })]);
      expect(isFailure(taken[1])).toBe(true);
    });

    test("that throws or rejects fails the batch, also under collect", async () => {
      for (const onError of ["throw", "collect"] as const) {
        for (const fail of [
          () => {
            throw "full";
          },
          () => Promise.reject("full"),
        ]) {
          const [exec, post] = [vi.fn(), vi.fn()];
          const batch = Object.assign(new Batch({ onError, attempts: 3 }), {
            prep: () => [1, 2, 3],
            exec,
            onResult: fail as () => void,
            post,
          });
          expect(await rejection(batch.run({}))).toBe("full");
          expect(post).not.toHaveBeenCalled();
          expect(exec.mock.calls.length).toBeLessThanOrEqual(3);
        }
      }
    });
  });

  test("a spy on exec, and a frozen batch, work", async () => {
    const batch = Object.assign(new Batch(), { prep: () => [1, 2] });
    const exec = vi.spyOn(batch, "exec").mockResolvedValue("spied");
    expect(await resultsOf(batch)).toEqual(["spied", "spied"]);
    expect(exec).toHaveBeenCalledTimes(2);
    expect(await Object.freeze(batch).run({})).toBeUndefined();
  });
});

describe("BatchNode", () => {
  test("goes one by one: an item starts when the one before has ended with all its attempts", async () => {
    const log: string[] = [];
    const batch = Object.assign(new BatchNode({ attempts: 2 }), {
      prep: () => ["a", "b"],
      exec: async (item: string, { attempt }: Context) => {
        log.push(`${item}${attempt} starts`);
        await turn();
        log.push(`${item}${attempt} ends`);
        if (attempt === 0) throw new Error("again");
      },
    });
    await batch.run({});
    expect(log).toEqual(["a0", "a1", "b0", "b1"].flatMap((each) => [`${each} starts`, `${each} ends`]));
  });

  test("stops at the first failure: later items are not even pulled", async () => {
    const pulled: number[] = [];
    const batch = Object.assign(new BatchNode(), {
      *prep() {
        for (const item of [1, 2, 3]) {
          pulled.push(item);
          yield item;
        }
      },
      exec: (item: number) => {
        if (item === 2) throw new Error("stop");
      },
    });
    await rejection(batch.run({}));
    expect(pulled).toEqual([1, 2]);
  });
});

describe("AsyncParallelBatchNode", () => {
  test("keeps results in input order, whatever ends first", async () => {
    const holds = [deferred<string>(), deferred<string>(), deferred<string>()];
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      prep: () => holds,
      exec: (hold: (typeof holds)[number]) => hold.promise,
    });
    const results = resultsOf(batch);
    holds[2]!.resolve("third");
    await turn();
    holds[0]!.resolve("first");
    await turn();
    holds[1]!.resolve("second");
    expect(await results).toEqual(["first", "second", "third"]);
  });

  test("runs 16 at once by default", async () => {
    let running = 0;
    let peak = 0;
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      prep: () => Array.from({ length: 40 }),
      exec: async () => {
        peak = Math.max(peak, ++running);
        await turn();
        running--;
      },
    });
    await batch.run({});
    expect(peak).toBe(16);
  });

  test("is called ParallelBatchNode too, and AsyncBatchNode is BatchNode", () => {
    expect(ParallelBatchNode).toBe(AsyncParallelBatchNode);
    expect(AsyncBatchNode).toBe(BatchNode);
  });
});

describe("isFailure", () => {
  test("recognises failures of any build, and nothing else", () => {
    expect(isFailure(new ItemFailure(0, "a", new Error("x"), 1))).toBe(true);
    expect(isFailure({ [FAILURE]: true })).toBe(true);
    for (const value of [undefined, null, {}, new Error("x"), { index: 0, error: 1 }, "failure"]) {
      expect(isFailure(value)).toBe(false);
    }
  });
});
