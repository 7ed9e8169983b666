import { getEventListeners } from "node:events";
import { AsyncParallelBatchNode, type Context, Flow, Gate, isFailure } from "sluice";
import { batched } from "sluice/batching";
import { describe, expect, expectTypeOf, test } from "vitest";
import { deferred } from "../../support/deferred.js";

const turn = () => new Promise(setImmediate);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A service that doubles numbers and notes how many came in each call. */
function service(ms = 1) {
  const calls: number[][] = [];
  const double = async (items: readonly number[]) => {
    calls.push([...items]);
    await sleep(ms);
    return items.map((n) => 2 * n);
  };
  return { calls, double };
}
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("batched calls", () => {
  test("made in one turn become one call, and each caller gets its own result", async () => {
    const { calls, double } = service();
    const one = batched(double);
    expect(await Promise.all(numbers(7).map((n) => one(n)))).toEqual(numbers(7).map((n) => 2 * n));
    expect(calls).toEqual([numbers(7)]);
  });

  test.each([
    [100, undefined],
    [101, undefined],
    [150, undefined],
    [250, new Gate({ concurrency: 2 })],
    [1_000, undefined],
  ])(
    "1,000 items in a node at a concurrency of %i become little more than 10 calls",
    async (concurrency, gate) => {
      const { calls, double } = service(20);
      const one = batched(double, { maxSize: 100, maxWait: 500, gate });
      class Doubles extends AsyncParallelBatchNode<{ results?: number[] }, number, number> {
        override prep() {
          return numbers(1_000);
        }
        override exec(n: number, ctx: Context) {
          return one(n, ctx);
        }
        override post(shared: { results?: number[] }, _items: number[], results: number[]) {
          shared.results = results;
        }
      }
      const shared: { results?: number[] } = {};
      await new Flow(new Doubles({ concurrency })).run(shared);
      expect(shared.results).toEqual(numbers(1_000).map((n) => 2 * n));
      expect(calls.length).toBeLessThanOrEqual(10 + 3);
      expect(Math.max(...calls.map((items) => items.length))).toBe(100);
    },
  );

  test("serve as a node's exec as they are, and keep their types", async () => {
    const lengths = batched(async (texts: readonly string[]) => texts.map((text) => text.length));
    expectTypeOf(lengths).parameter(0).toEqualTypeOf<string>();
    expectTypeOf(lengths("a")).resolves.toEqualTypeOf<number>();
    const mixed = batched((texts: readonly string[]) =>
      texts.map((text) => (text === "" ? new Error("empty") : text.length)),
    );
    expectTypeOf(mixed("a")).resolves.toEqualTypeOf<number>();
    class Lengths extends AsyncParallelBatchNode<{ total?: number }, string, number> {
      override exec = lengths;
      override prep() {
        return ["a", "bb"];
      }
      override post(shared: { total?: number }, _texts: string[], results: number[]) {
        shared.total = results[0]! + results[1]!;
      }
    }
    const shared: { total?: number } = {};
    await new Flow(new Lengths()).run(shared);
    expect(shared.total).toBe(3);
  });

  test("go at once when full, by size or by cost; what is too dear goes alone", async () => {
    const { calls, double } = service();
    const one = batched(double, { maxSize: 3, maxCost: 10, cost: (n) => n });
    await Promise.all([4, 4, 4, 1, 1, 30, 2, 8].map((n) => one(n)));
    expect(calls).toEqual([[4, 4], [4, 1, 1], [30], [2, 8]]);
  });

  test("take null, undefined and equal items like any other", async () => {
    const seen: unknown[] = [];
    const same = batched(async (items: readonly unknown[]) => {
      seen.push(...items);
      return [...items];
    });
    expect(await Promise.all([same(null), same(undefined), same(1), same(1)])).toEqual([
      null,
      undefined,
      1,
      1,
    ]);
    expect(seen).toEqual([null, undefined, 1, 1]);
  });

  test("wait for each other at most maxWait while another call is out", async () => {
    let end = () => {};
    const isOver = new Promise<void>((resolve) => {
      end = resolve;
    });
    const order: unknown[] = [];
    const work = async (items: readonly number[]) => {
      order.push(items);
      await isOver;
      return [...items];
    };
    const one = batched(work, { maxWait: 15 });
    const first = [one(0), one(1)];
    while (order.length < 1) await turn();
    setTimeout(() => order.push("10 ms"), 10); // timers end in their order, however late
    const second = one(2);
    while (order.length < 3) await sleep(1);
    expect(order).toEqual([[0, 1], "10 ms", [2]]);
    end();
    await Promise.all([...first, second]);
  });

  test("go on gathering while they wait at the gate", async () => {
    const { calls, double } = service(300);
    const gate = new Gate({ concurrency: 1 });
    const one = batched(double, { gate, maxWait: 0 });
    const all = [one(0)];
    await sleep(5);
    for (let n = 1; n <= 4; n++) {
      all.push(one(n));
      await turn();
      await turn();
      await turn();
    }
    await Promise.all(all);
    expect(calls).toEqual([[0], [1, 2, 3, 4]]);
  });

  test("charge the gate, and are repeated after a 429", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 60_000, burst: 60_000 } });
    let refused = 0;
    const one = batched(
      async (items: readonly number[]) => {
        if (refused++ === 0)
          throw Object.assign(new Error("slow down"), { status: 429, headers: { "retry-after-ms": "5" } });
        return items.map((n) => n + 1);
      },
      { gate, cost: () => 10 },
    );
    expect(await Promise.all([one(1), one(2)])).toEqual([2, 3]);
    expect(gate.stats()).toMatchObject({ started: 2, refused: 1 });
  });
});

describe("a slot of the batch's gate that a caller holds", () => {
  /** A node under the same gate as the batch that its exec waits for. */
  class Doubles extends AsyncParallelBatchNode<{ results?: number[] }, number, number> {
    one!: (n: number, ctx: Context) => Promise<number>;
    override prep() {
      return numbers(12);
    }
    override exec(n: number, ctx: Context) {
      return this.one(n, ctx);
    }
    override post(shared: { results?: number[] }, _items: number[], results: number[]) {
      shared.results = results;
    }
  }
  const run = async (gate: Gate, one: Doubles["one"]) => {
    const node = new Doubles({ gate, concurrency: 12 });
    node.one = one;
    const shared: { results?: number[] } = {};
    await new Flow(node).run(shared, { signal: AbortSignal.timeout(10_000) });
    return shared.results;
  };

  test.each([1, 3])("is lent to the batch by its context: %i slots", async (concurrency) => {
    const { calls, double } = service();
    const gate = new Gate({ concurrency });
    const one = batched(double, { gate, maxWait: 1 });
    expect(await run(gate, one)).toEqual(numbers(12).map((n) => 2 * n));
    expect(calls.flat().sort((a, b) => a - b)).toEqual(numbers(12));
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("does not go to a batch that waits for a slot of its own", async () => {
    const { calls, double } = service();
    const gate = new Gate({ concurrency: 1 });
    const one = batched(double, { gate, maxWait: 1 });
    let outside: Promise<number> | undefined;
    const results = await run(gate, async (n, ctx) => {
      if (n > 0) return one(n, ctx);
      outside = one(100); // it has no context, so it waits until the node is done with its slots
      while (gate.stats().waiting < 12) await turn(); // eleven items, and the batch
      return one(n, ctx);
    });
    expect(results).toEqual(numbers(12).map((n) => 2 * n));
    expect(await outside).toBe(200);
    expect(calls.filter((items) => items.includes(100))).toEqual([[100]]);
  });

  test("stays with the batch when its caller is aborted, and the others keep their batch", async () => {
    const gate = new Gate({ concurrency: 2 });
    const open = deferred();
    let most = 0;
    let running = 0;
    const one = batched(
      async (items: readonly number[]) => {
        most = Math.max(most, ++running);
        await open.promise;
        running--;
        return items.map((n) => 2 * n);
      },
      { gate, maxWait: 5 },
    );
    const stop = new AbortController();
    const lender = gate.run((ctx) => one(1, ctx), { signal: stop.signal });
    const other = gate.run((ctx) => one(2, ctx));
    while (running === 0) await turn();
    stop.abort("gone");
    await expect(lender).rejects.toBe("gone");
    const next = gate.run(() => {
      most = Math.max(most, ++running);
      running--;
    });
    await turn();
    expect(gate.stats()).toMatchObject({ running: 2, waiting: 1 });
    open.resolve();
    expect(await other).toBe(4);
    await next;
    expect(most).toBe(1);
  });
});

describe("a failure", () => {
  test("in an item's place fails that item only", async () => {
    const one = batched(async (items: readonly number[]) =>
      items.map((n) => (n === 1 ? new RangeError(`no ${n}`) : n)),
    );
    const results = await Promise.allSettled([one(0), one(1), one(2)]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(RangeError);
  });

  test("of the call fails all its callers with the same error, sync or async", async () => {
    for (const fail of [
      () => {
        throw new Error("down");
      },
      async () => {
        throw new Error("down");
      },
    ]) {
      const one = batched<number, number>(fail);
      const [a, b] = await Promise.allSettled([one(0), one(1)]);
      expect(a).toMatchObject({ status: "rejected", reason: { message: "down" } });
      expect((a as PromiseRejectedResult).reason).toBe((b as PromiseRejectedResult).reason);
    }
  });

  test("is collected by item in a node", async () => {
    const one = batched(async (items: readonly number[]) => items.map((n) => (n % 2 ? new Error("odd") : n)));
    class Evens extends AsyncParallelBatchNode<{ failed?: number }, number, number, "collect"> {
      override prep() {
        return numbers(10);
      }
      override exec(n: number, ctx: Context) {
        return one(n, ctx);
      }
      override post(shared: { failed?: number }, _items: number[], results: unknown[]) {
        shared.failed = results.filter(isFailure).length;
      }
    }
    const shared: { failed?: number } = {};
    await new Flow(new Evens({ onError: "collect" })).run(shared);
    expect(shared.failed).toBe(5);
  });

  test.each([
    [
      "too few",
      async () => [1],
      /^"shop": expected an array of 2 results, one for each item in its order, got 1; .*put an Error/,
    ],
    ["too many", async () => [1, 2, 3], /expected an array of 2 results, .* got 3;/],
    ["no array", async () => ({ 0: 1 }), /expected an array of 2 results, .* got an object/],
    ["nothing", async () => {}, /expected an array of 2 results, .* got undefined/],
  ])("of the count has a clear message: %s", async (_what, fn, message) => {
    const one = batched(fn as never, { name: "shop" });
    for (const result of await Promise.allSettled([one(0), one(1)])) {
      expect(result).toMatchObject({
        reason: { code: "WRONG_RESULT_COUNT", message: expect.stringMatching(message) },
      });
    }
  });

  test("of cost(), and of a cost that the gate can never grant, rejects", async () => {
    const cheap = batched(service().double, { cost: () => Number.NaN });
    await expect(cheap(1)).rejects.toMatchObject({ code: "INVALID_COST" });
    const gate = new Gate({ rate: { tokens: 10, per: 1_000 } });
    const dear = batched(service().double, { gate, cost: () => 11 });
    await expect(dear(1)).rejects.toMatchObject({ code: "COST_TOO_HIGH" });
  });

  test.each([
    ["no function", () => batched(1 as never), /expected `fn` to be a function of many items/],
    [
      "maxSize: 0",
      () => batched(service().double, { maxSize: 0 }),
      /expected `maxSize` to be a positive integer/,
    ],
    ["maxsize: 1", () => batched(service().double, { maxsize: 1 } as never), /did you mean `maxSize`\?/],
    ["a rate", () => batched(service().double, { rate: {} } as never), /write it as an option of the gate/],
    ["no gate", () => batched(service().double, { gate: {} as never }), /expected `gate` to be a Gate/],
  ])("of the options comes at once: %s", (_what, act, message) => {
    expect(act).toThrow(message);
  });

  test("of a call's options rejects that call", async () => {
    const one = batched(service().double);
    await expect(one(1, { sginal: 1 } as never)).rejects.toThrow(/did you mean `signal`\?/);
    await expect(one(1, { signal: 1 } as never)).rejects.toThrow(/expected `signal` to be an AbortSignal/);
  });
});

describe("an abort", () => {
  test("takes one caller out before the call goes", async () => {
    const { calls, double } = service();
    const one = batched(double);
    const stop = new AbortController();
    const all = [one(0), one(1, { signal: stop.signal }), one(2)];
    stop.abort("gone");
    await expect(all[1]).rejects.toBe("gone");
    expect(await Promise.all([all[0], all[2]])).toEqual([0, 4]);
    expect(calls).toEqual([[0, 2]]);
  });

  test("takes one caller out while the call is out, which goes on for the others", async () => {
    let seen: AbortSignal | undefined;
    const one = batched(async (items: readonly number[], { signal }) => {
      seen = signal;
      await sleep(10);
      return [...items];
    });
    const stop = new AbortController();
    const all = [one(0), one(1, { signal: stop.signal })];
    while (seen === undefined) await turn();
    stop.abort("gone");
    await expect(all[1]).rejects.toBe("gone");
    expect(seen.aborted).toBe(false);
    expect(await all[0]).toBe(0);
  });

  test.each([
    ["with a gate", new Gate({ concurrency: 1 })],
    ["without a gate", undefined],
  ])("of all callers aborts the whole call, and the next one works: %s", async (_how, gate) => {
    let seen: AbortSignal | undefined;
    const one = batched(
      (items: readonly number[], { signal }) =>
        new Promise<number[]>((resolve, reject) => {
          if (items[0] === 9) resolve([...items]);
          seen = signal;
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
      { gate },
    );
    const stops = [new AbortController(), new AbortController()];
    const all = stops.map(({ signal }, n) => one(n, { signal }));
    while (seen === undefined) await turn();
    stops[0]!.abort("first");
    await expect(all[0]).rejects.toBe("first");
    expect(seen.aborted).toBe(false);
    stops[1]!.abort("second");
    await expect(all[1]).rejects.toBe("second");
    expect(seen.aborted).toBe(true);
    expect(await one(9)).toBe(9);
  });

  test("of all callers before the call starts makes no call at all", async () => {
    const { calls, double } = service();
    const one = batched(double);
    await one(5);
    const stop = new AbortController();
    const all = [1, 2].map((n) => one(n, { signal: stop.signal }));
    stop.abort("gone");
    for (const call of all) await expect(call).rejects.toBe("gone");
    await sleep(5);
    expect(calls).toEqual([[5]]);
    await expect(one(3, { signal: stop.signal })).rejects.toBe("gone");
    expect(await one(4)).toBe(8);
  });

  test("of all callers at the gate leaves no batch for later callers to join, in any order", async () => {
    const { calls, double } = service();
    const gate = new Gate({ concurrency: 1 });
    const one = batched(double, { gate });
    await one(0);
    const open = deferred();
    const held = gate.run(() => open.promise);
    const stop = new AbortController();
    let early: Promise<number> | undefined;
    const aborted = one(1, { signal: stop.signal });
    while (gate.stats().waiting === 0) await turn();
    stop.signal.addEventListener("abort", () => {
      early = one(2);
    });
    stop.abort("gone");
    const late = one(3);
    await expect(aborted).rejects.toBe("gone");
    const later = one(4);
    open.resolve();
    expect(await Promise.all([early, late, later])).toEqual([4, 6, 8]);
    await held;
    expect(calls).toEqual([[0], [2, 3, 4]]);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("of the batcher itself rejects all callers, now and later", async () => {
    const stop = new AbortController();
    const one = batched(service(50).double, { signal: stop.signal });
    const all = [one(1), one(2)];
    await sleep(5);
    stop.abort("closed");
    for (const call of all) await expect(call).rejects.toBe("closed");
    await expect(one(3)).rejects.toBe("closed");
  });

  test("leaves one listener on a signal that many share, and none at the end", async () => {
    const { signal } = new AbortController();
    const one = batched(service(5).double);
    const all = numbers(50).map((n) => one(n, { signal }));
    await turn();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await Promise.all(all);
    await turn();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});
