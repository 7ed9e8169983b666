// Gate: who may start when. Time is faked; what needs the real clock is in the *.clock.test.ts files.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  type Context,
  Flow,
  Gate,
  type GateContext,
  type GateOptions,
  type GateRunOptions,
  isFailure,
  locate,
  Node,
  node,
  SluiceError,
} from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, sleep, turn, untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { InFlight } from "../support/in-flight.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

const stop = new Error("stop");
/** An error as a vendor's SDK throws it. */
const refusal = (after?: string | number) =>
  Object.assign(new Error("429"), {
    status: 429,
    headers: after === undefined ? {} : { "retry-after-ms": String(after) },
  });

/** Starts a call that notes when it starts. */
function starter(gate: Gate) {
  const starts: number[] = [];
  const zero = performance.now();
  const start = (options?: GateRunOptions, work: () => unknown = () => {}) =>
    gate.run(() => {
      starts.push(performance.now() - zero);
      return work();
    }, options);
  return { starts, start };
}

/** Whether all slots of a gate can be taken at once. */
async function slotsFree(gate: Gate, slots: number): Promise<boolean> {
  await turn();
  const inFlight = new InFlight();
  let open: () => void = () => {};
  const door = new Promise<void>((resolve) => {
    open = resolve;
  });
  const calls = Array.from({ length: slots }, () => gate.run(() => inFlight.during(() => door)));
  await turn();
  const all = inFlight.now === slots;
  open();
  await Promise.all(calls);
  return all && gate.stats().running === 0 && gate.stats().waiting === 0;
}

describe("options", () => {
  test.each([
    [
      { concurrency: 0 },
      /Expected|expected `concurrency` to be an integer from 1 up or Infinity, or \{ start, min, max \}, got 0/,
    ],
    [{ concurrency: -1 }, /`concurrency`/],
    [{ concurrency: 1.5 }, /`concurrency`/],
    [{ concurrency: Number.NaN }, /`concurrency`/],
    [{ concurrency: "2" }, /`concurrency`.*"2" \(string\)/],
    [{ rate: 5 }, /`rate` to be an object/],
    [{ rate: [] }, /`rate` to be an object/],
    [{ rate: { requests: 10 } }, /`per` to be given/],
    [{ rate: { per: 1_000 } }, /`requests` to be given, or `tokens`/],
    [{ rate: { requests: 0, per: 1_000 } }, /`requests`.*got 0/],
    [{ rate: { requests: Number.POSITIVE_INFINITY, per: 1_000 } }, /`requests`/],
    [{ rate: { tokens: -5, per: 1_000 } }, /`tokens`/],
    [{ rate: { requests: 1, per: 0 } }, /`per`/],
    [{ rate: { requests: 1, per: "1s" } }, /`per`/],
    [{ rate: { requests: 1, per: 1_000, burst: -1 } }, /`burst`.*got -1/],
    [{ rate: { requests: 1, per: 1_000, burst: 0 } }, /`burst`/],
    [{ retryAfter: 1_000 }, /`retryAfter` to be a function/],
    [{ maxPauses: -1 }, /`maxPauses`/],
    [{ maxPauses: 1.5 }, /`maxPauses`/],
  ])("%j is refused, and the message names the option", (options, message) => {
    const make = () => new Gate(options as GateOptions);
    expect(make).toThrow(SluiceError);
    expect(make).toThrow(message);
    try {
      make();
    } catch (error) {
      expect((error as SluiceError).code).toBe("INVALID_OPTION");
    }
  });

  test.each([
    [{ concurency: 2 }, "did you mean `concurrency`?"],
    [{ rate: { request: 5, per: 1_000 } }, "did you mean `requests`?"],
    [{ rate: { requests: 5, per: 1_000, bursts: 5 } }, "did you mean `burst`?"],
    [{ retryafter: () => 1 }, "did you mean `retryAfter`?"],
  ])("%j is refused with the name that was meant", (options, hint) => {
    const make = () => new Gate(options as GateOptions);
    expect(make).toThrow(expect.objectContaining({ code: "UNKNOWN_OPTION" }));
    expect(make).toThrow(hint);
  });

  test("a gate needs no options, and options that are undefined count as left out", async () => {
    const gate = new Gate({ concurrency: undefined, rate: undefined, retryAfter: undefined });
    const inFlight = new InFlight();
    const calls = Array.from({ length: 100 }, () => gate.run(() => inFlight.during(turn)));
    await Promise.all(calls);
    expect(inFlight.peak).toBe(100);
    await expect(new Gate().run(() => "through")).resolves.toBe("through");
  });

  test.each([
    [{ tokens: -1 }, "tokens"],
    [{ tokens: Number.NaN }, "tokens"],
    [{ tokens: Number.POSITIVE_INFINITY }, "tokens"],
    [{ tokens: "5" }, "tokens"],
    [{ signal: {} }, "signal"],
    [{ signal: "abort" }, "signal"],
    [{ ctx: {} }, "ctx"],
    [{ ctx: "ctx" }, "ctx"],
  ])("gate.run() refuses %j and calls nothing", async (options, name) => {
    const gate = new Gate({ concurrency: 1 });
    const call = vi.fn();
    const run = gate.run(call, options as GateRunOptions);
    await expect(run).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringContaining(`\`${name}\``),
    });
    expect(call).not.toHaveBeenCalled();
  });

  test("gate.run() refuses an unknown option and what is no function, as a rejection", async () => {
    const gate = new Gate();
    await expect(gate.run(() => 1, { token: 5 } as GateRunOptions)).rejects.toThrow("did you mean `tokens`?");
    await expect(gate.run("call" as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  test("a node refuses what is no gate, and a wrong private rate", () => {
    expect(() => new Node({ gate: {} as Gate })).toThrow(/`gate` to be a Gate/);
    expect(() => new Node({ rate: { requests: 5 } as never })).toThrow(/`per` to be given/);
    expect(() => new AsyncParallelBatchNode({ rate: { per: 5, token: 1 } as never })).toThrow(
      "did you mean `tokens`?",
    );
  });
});

describe("slots", () => {
  test.each([1, 2, 7])("no more than %i calls are in flight, and all of them are used", async (limit) => {
    const gate = new Gate({ concurrency: limit });
    const inFlight = new InFlight();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        gate.run(() =>
          inFlight.during(async () => {
            for (let turns = 0; turns < (i * 7) % 5; turns++) await turn();
          }),
        ),
      ),
    );
    expect(inFlight).toMatchObject({ peak: limit, total: 50, now: 0 });
    expect(await slotsFree(gate, limit)).toBe(true);
  });

  test("the result, sync or async, is the call's own", async () => {
    const gate = new Gate({ concurrency: 1 });
    await expect(gate.run(() => 5)).resolves.toBe(5);
    await expect(gate.run(async () => "six")).resolves.toBe("six");
    await expect(gate.run(() => undefined)).resolves.toBeUndefined();
  });

  test("first come, first served", async () => {
    const gate = new Gate({ concurrency: 2 });
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        gate.run(async () => {
          order.push(i);
          await turn();
        }),
      ),
    );
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("a call that throws gives its slot back, whether it throws at once or later", async () => {
    const gate = new Gate({ concurrency: 1 });
    const failure = new Error("no");
    const sync = gate.run(() => {
      throw failure;
    });
    const async = gate.run(async () => {
      await turn();
      throw failure;
    });
    await expect(sync).rejects.toBe(failure);
    await expect(async).rejects.toBe(failure);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("hooks that throw leave no slot taken: exec, execFallback, cost, post, a listener of the signal", async () => {
    const gate = new Gate({ concurrency: 2 });
    const fail = () => {
      throw new Error("no");
    };
    const broken = [
      node({ gate, exec: fail }),
      node({ gate, exec: fail, execFallback: fail }),
      node({ gate, cost: fail, exec: () => 1 }),
      node({ gate, cost: async () => fail(), exec: () => 1 }),
      node({ gate, exec: () => 1, post: fail }),
      node({ gate, exec: fail, attempts: 3, retryIf: fail }),
      node({ gate, exec: fail, attempts: 3, backoff: fail }),
      node({ gate, exec: (_, { charge }) => charge(-1) }),
    ];
    for (const each of broken) await expect(new Flow(each).run({})).rejects.toThrow();

    class Broken extends AsyncParallelBatchNode<object, number, number, "throw" | "collect"> {
      override prep() {
        return [1, 2, 3, 4, 5];
      }
      override exec(item: number) {
        if (item === 4) throw new Error("no");
        return item;
      }
    }
    await expect(new Flow(new Broken({ gate })).run({})).rejects.toThrow("no");
    await new Flow(new Broken({ gate, onError: "collect" })).run({});
    expect(await slotsFree(gate, 2)).toBe(true);
  });

  test("a waiting call that is aborted rejects at once with the reason, and the others keep their order", async () => {
    const gate = new Gate({ concurrency: 1 });
    const order: string[] = [];
    let end: () => void = () => {};
    const first = gate.run(() => new Promise<void>((resolve) => (end = resolve)));
    const { signal, abort } = controller();
    const second = gate.run(() => order.push("second"), { signal });
    const third = gate.run(() => order.push("third"));
    await turn();
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 2 });
    abort(stop);
    await expect(second).rejects.toBe(stop);
    await turn();
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 1 });
    end();
    await Promise.all([first, third]);
    expect(order).toEqual(["third"]);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("a call whose signal has fired before it came does not start and costs nothing", async () => {
    const gate = new Gate({ concurrency: 1, rate: { requests: 5, per: 1_000 } });
    const call = vi.fn();
    const before = gate.stats();
    await expect(gate.run(call, { signal: AbortSignal.abort(stop) })).rejects.toBe(stop);
    await turn();
    expect(call).not.toHaveBeenCalled();
    expect(gate.stats()).toEqual(before);
  });

  test("an aborted call that ignores its signal rejects at once and keeps its slot until it really ends", async () => {
    const gate = new Gate({ concurrency: 1 });
    const { signal, abort } = controller();
    const call = gate.run(() => sleep(100), { signal });
    const next = vi.fn();
    const waiting = gate.run(next);
    await advance(10);
    abort(stop);
    await expect(call).rejects.toBe(stop);
    await advance(80);
    expect(next).not.toHaveBeenCalled();
    await advance(20);
    await waiting;
    expect(next).toHaveBeenCalledOnce();
  });

  test("the context's signal fires with the caller's, and is a signal also without one", async () => {
    const gate = new Gate();
    const { signal, abort } = controller();
    let seen: AbortSignal | undefined;
    const call = gate.run(
      (ctx) => {
        seen = ctx.signal;
        return new Promise((_, reject) =>
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)),
        );
      },
      { signal },
    );
    await turn();
    abort(stop);
    await expect(call).rejects.toBe(stop);
    expect(seen?.aborted).toBe(true);
    await expect(gate.run((ctx) => ctx.signal.aborted)).resolves.toBe(false);
  });
});

describe("one gate for several", () => {
  const busy = (inFlight: InFlight) => () => inFlight.during(turn);

  test("two nodes, two flows and two runs that share a gate stay under its slots together", async () => {
    const gate = new Gate({ concurrency: 3 });
    const inFlight = new InFlight();
    const exec = busy(inFlight);
    class Items extends AsyncParallelBatchNode<object, number, void> {
      override prep() {
        return Array.from({ length: 20 }, (_, i) => i);
      }
      override exec() {
        return exec();
      }
    }
    const single = node({ gate, exec });
    const first = new Flow(new Items({ gate, concurrency: 8 }));
    const second = new Flow(node({ gate, exec })).next(single);
    const both = [first, new Flow(node({ gate, exec })), new Flow(new BatchItems(gate, exec)), second];
    await Promise.all(both.flatMap((flow) => [flow.run({}), flow.run({}), gate.run(exec)]));
    expect(inFlight.peak).toBe(3);
    expect(await slotsFree(gate, 3)).toBe(true);
  });

  test("two nodes, two flows and two runs that share a rate stay under it together", async () => {
    const gate = new Gate({ rate: { requests: 10, per: 1_000 } });
    const starts: number[] = [];
    const exec = () => {
      starts.push(performance.now());
    };
    const one = new Flow(node({ gate, exec }));
    class Items extends AsyncParallelBatchNode<object, number, void> {
      override prep() {
        return Array.from({ length: 10 }, (_, i) => i);
      }
      override exec() {
        exec();
      }
    }
    const many = new Flow(new Items({ gate }));
    const work = Promise.all([one.run({}), many.run({}), many.run({}), one.run({}), gate.run(exec)]);
    await advance(1_500);
    await work;
    expect(starts).toHaveLength(23);
    const from = starts[0]!;
    expect(starts.filter((at) => at === from)).toHaveLength(9); // ten, less the margin of 1 %
    starts.forEach((at, i) => {
      expect(i + 1).toBeLessThanOrEqual(10 + ((at - from) * 10) / 1_000);
    });
  });

  test("a batch node's own concurrency and its gate both hold", async () => {
    const gate = new Gate({ concurrency: 5 });
    const inFlight = new InFlight();
    class Items extends AsyncParallelBatchNode<object, number, void> {
      override prep() {
        return Array.from({ length: 30 }, (_, i) => i);
      }
      override exec() {
        return inFlight.during(turn);
      }
    }
    await new Flow(new Items({ gate, concurrency: 2 })).run({});
    expect(inFlight.peak).toBe(2);
    inFlight.peak = 0;
    await new Flow(new Items({ gate, concurrency: 20 })).run({});
    expect(inFlight.peak).toBe(5);
  });

  test("a batch flow's gate gives permits to each iteration and holds no slot", async () => {
    const gate = new Gate({ concurrency: 1, rate: { requests: 100, tokens: 40, per: 1_000 } });
    const starts: number[] = [];
    const inner = node({
      gate,
      exec: (_: unknown, ctx) => gate.run(() => ctx.params, { ctx }),
    });
    class Iterations extends AsyncParallelBatchFlow<object, { size: number }> {
      override prep() {
        return [{ size: 10 }, { size: 20 }, { size: 30 }];
      }
      override cost({ size }: { size: number }) {
        return size;
      }
      override fork(shared: object) {
        starts.push(performance.now());
        return shared;
      }
    }
    const zero = performance.now();
    const run = new Flow(new Iterations(inner, { gate })).run({});
    await advance(1_000);
    await run;
    expect(starts.map((at) => at - zero).slice(0, 2)).toEqual([0, 0]);
    expect(starts[2]! - zero).toBeGreaterThanOrEqual(500); // 60 tokens: 40 at once, 20 more at 40 a second
    expect(gate.stats().running).toBe(0);
  });

  test("a worker that keeps its slot for the next item gives it up as soon as somebody waits", async () => {
    const gate = new Gate({ concurrency: 1 });
    const order: string[] = [];
    class Items extends BatchNode<object, string, void> {
      override prep() {
        return ["a1", "a2", "a3", "a4"];
      }
      override async exec(item: string) {
        order.push(item);
        await turn();
        if (item === "a1") void gate.run(() => order.push("other"));
        await turn();
      }
    }
    await new Flow(new Items({ gate })).run({});
    expect(order).toEqual(["a1", "other", "a2", "a3", "a4"]);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("no slot is held during a backoff, by a node or by a batch", async () => {
    for (const batch of [false, true]) {
      const gate = new Gate({ concurrency: 1 });
      let tries = 0;
      const exec = () => {
        if (tries++ === 0) throw new Error("first");
      };
      const run = batch
        ? new Flow(new BatchItems(gate, exec, { attempts: 2, backoff: 1_000 }, 1)).run({})
        : new Flow(node({ gate, exec, attempts: 2, backoff: 1_000 })).run({});
      await advance(10);
      const other = vi.fn();
      void gate.run(other);
      await advance(5);
      expect(other).toHaveBeenCalledOnce();
      await advance(1_000);
      await run;
      expect(tries).toBe(2);
    }
  });

  test.each(["execFallback", "retryIf", "cost"])(
    "no slot is held while %s runs, so it may call through the gate itself",
    async (hook) => {
      const gate = new Gate({ concurrency: 1 });
      const through = vi.fn(() => 1);
      class Items extends AsyncParallelBatchNode<object, number, number> {
        override prep() {
          return [1, 2, 3];
        }
        override exec(): number {
          if (hook === "cost") return 1;
          throw new Error("no");
        }
        override async cost() {
          return hook === "cost" ? gate.run(through) : 0;
        }
        override execFallback(_item: number, error: unknown, ctx: Context): number | Promise<number> {
          if (hook === "execFallback") return gate.run(through, { ctx });
          if (hook === "retryIf") return 1;
          throw error;
        }
      }
      const retryIf = async () => (await gate.run(through)) > 1;
      let settled = false;
      void new Flow(
        new Items({ gate, concurrency: 2, attempts: 2, ...(hook === "retryIf" ? { retryIf } : {}) }),
      )
        .run({})
        .finally(() => {
          settled = true;
        });
      for (let turns = 0; turns < 50 && !settled; turns++) await turn();
      expect(settled).toBe(true);
      expect(through).toHaveBeenCalledTimes(3);
    },
  );

  test("no slot is held by a batch for the fallback of an item whose cost is refused", async () => {
    const gate = new Gate({ concurrency: 1, rate: { tokens: 100, per: 1_000, burst: 1_000 } });
    const through: number[] = [];
    class Items extends BatchNode<object, number, number> {
      override prep() {
        return [10, 1_000, 10, Number.NaN, 10];
      }
      override cost(item: number) {
        return item;
      }
      override exec(item: number) {
        return item;
      }
      override execFallback(item: number, _error: unknown, ctx: Context) {
        return gate.run(() => through.push(item), { ctx });
      }
    }
    let settled = false;
    void new Flow(new Items({ gate })).run({}).finally(() => {
      settled = true;
    });
    for (let turns = 0; turns < 50 && !settled; turns++) await turn();
    expect(settled).toBe(true);
    expect(through).toEqual([1_000, Number.NaN]);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("a call abandoned by a timeout keeps its slot until it really ends", async () => {
    const gate = new Gate({ concurrency: 1 });
    const inFlight = new InFlight();
    const slow = node({
      name: "slow",
      gate,
      timeout: 20,
      attempts: 2,
      exec: () => inFlight.during(() => sleep(100)),
    });
    const run = new Flow(slow).run({});
    const failed = expect(run).rejects.toMatchObject({ code: "TIMEOUT" });
    await advance(50);
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 1 });
    expect(inFlight).toMatchObject({ now: 1, total: 1 });
    await advance(60); // the first has ended, the second has started
    expect(inFlight).toMatchObject({ now: 1, total: 2, peak: 1 });
    await advance(20);
    await failed;
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 0 });
    await advance(100);
    expect(gate.stats().running).toBe(0);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("items abandoned by a timeout keep their slots until they really end", async () => {
    const gate = new Gate({ concurrency: 2 });
    const inFlight = new InFlight();
    const work = () => inFlight.during(() => sleep(100));
    const run = new Flow(
      new BatchItems(gate, work, { timeout: 20, onError: "collect", concurrency: 4 }, 6),
    ).run({});
    await advance(50);
    expect(gate.stats()).toMatchObject({ running: 2, waiting: 4 }); // two have failed, and four wait for their slots
    await advance(300);
    await run;
    expect(inFlight).toMatchObject({ peak: 2, total: 6, now: 0 });
    expect(await slotsFree(gate, 2)).toBe(true);
  });

  test("slots hold also when the gate's own retryAfter calls a timeout a reason to pause", async () => {
    const gate = new Gate({ concurrency: 2, retryAfter: () => 5, maxPauses: 3 });
    const inFlight = new InFlight();
    const slow = node({ gate, timeout: 10, exec: () => inFlight.during(() => sleep(50)) });
    const runs = Promise.allSettled(Array.from({ length: 4 }, () => new Flow(slow).run({})));
    await advance(1_500);
    await runs;
    expect(inFlight.peak).toBe(2);
    expect(inFlight.total).toBe(16);
    expect(await slotsFree(gate, 2)).toBe(true);
  });

  test("time in the queue does not count against the timeout", async () => {
    const gate = new Gate({ concurrency: 1 });
    const slow = node({ gate, timeout: 50, exec: () => sleep(40) });
    const runs = Promise.all([1, 2, 3].map(() => new Flow(slow).run({})));
    await advance(150);
    await expect(runs).resolves.toHaveLength(3);
  });

  test("a gate used in ten thousand runs keeps no memory of them", async () => {
    const gate = new Gate({ concurrency: 4, rate: { requests: 1e9, tokens: 1e9, per: 1_000 } });
    const flow = new Flow(
      node({ gate, cost: () => 5, exec: (_: unknown, ctx) => gate.run(() => ctx.charge(3), { ctx }) }),
    );
    const { signal } = controller();
    const many = async (runs: number) => {
      for (let i = 0; i < runs; i += 50) {
        await Promise.all(
          Array.from({ length: 50 }, () => flow.run({ big: "x".repeat(100) + i }, { signal })),
        );
      }
      await turn();
      (globalThis as { gc?: () => void }).gc?.();
      return process.memoryUsage().heapUsed;
    };
    expect((globalThis as { gc?: () => void }).gc).toBeDefined();
    const before = await many(2_000);
    const after = await many(10_000);
    expect(after - before).toBeLessThan(1_000_000);
  });
});

describe("nested calls", () => {
  test("a nested gate.run with ctx borrows the slot, from a node's hook and from an outer gate.run", async () => {
    const gate = new Gate({ concurrency: 1 });
    const nested = node({
      gate,
      exec: (_: unknown, ctx) => gate.run(() => "borrowed", { ctx }),
      post: (_s, _p, r) => r,
    });
    await expect(new Flow(nested).run({})).resolves.toBe("borrowed");
    const deep = (depth: number, ctx: GateContext): Promise<number> =>
      depth === 0 ? Promise.resolve(7) : gate.run((inner) => deep(depth - 1, inner), { ctx });
    await expect(gate.run((ctx) => deep(6, ctx))).resolves.toBe(7);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("several nested calls borrow the slot one at a time, in order, also from deeper down", async () => {
    const gate = new Gate({ concurrency: 2 });
    const inFlight = new InFlight();
    const order: number[] = [];
    const holder = (from: number) =>
      gate.run(async (ctx) => {
        await Promise.all(
          [0, 1, 2, 3].map((i) =>
            gate.run(
              async (inner) => {
                order.push(from + i);
                await inFlight.during(turn);
                await gate.run(() => inFlight.during(turn), { ctx: inner });
              },
              { ctx },
            ),
          ),
        );
      });
    await Promise.all([holder(0), holder(10)]);
    expect(inFlight).toMatchObject({ peak: 2, total: 16 });
    expect(order.filter((i) => i < 10)).toEqual([0, 1, 2, 3]);
    expect(order.filter((i) => i >= 10)).toEqual([10, 11, 12, 13]);
  });

  test("a batch that runs on a borrowed slot lets others borrow between its items, first come, first served", async () => {
    const gate = new Gate({ concurrency: 1 });
    const order: string[] = [];
    class Items extends AsyncParallelBatchNode<{ items: string[] }, string, void> {
      override prep(shared: { items: string[] }) {
        return shared.items;
      }
      override async exec(item: string) {
        order.push(item);
        await turn();
      }
    }
    const outer = node({
      gate,
      exec: (_: unknown, ctx) =>
        Promise.all([
          new Items({ gate, concurrency: 1 }).run({ items: ["a1", "a2", "a3"] }, { ctx }),
          new Items({ gate, concurrency: 1 }).run({ items: ["b1", "b2", "b3"] }, { ctx }),
        ]),
    });
    await new Flow(outer).run({});
    expect(order).toEqual(["a1", "b1", "a2", "b2", "a3", "b3"]);
  });

  test("a nested call that outlives its holder keeps the slot until it ends", async () => {
    const gate = new Gate({ concurrency: 1 });
    const next = vi.fn();
    let nested: Promise<unknown> | undefined;
    await gate.run((ctx) => {
      nested = gate.run(() => sleep(50), { ctx });
    });
    const waiting = gate.run(next);
    await advance(40);
    expect(next).not.toHaveBeenCalled();
    await advance(20);
    await Promise.all([nested, waiting]);
    expect(next).toHaveBeenCalledOnce();
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("a batch starts no further item on a slot that a nested call of the last one still uses", async () => {
    const gate = new Gate({ concurrency: 1 });
    const inFlight = new InFlight();
    const nested: Promise<unknown>[] = [];
    class Items extends BatchNode<object, number, void> {
      override prep() {
        return [1, 2, 3];
      }
      override async exec(_item: number, ctx: Context) {
        await inFlight.during(turn);
        nested.push(gate.run(() => inFlight.during(() => sleep(20)), { ctx }));
      }
    }
    const run = new Flow(new Items({ gate })).run({});
    await advance(100);
    await run;
    await Promise.all(nested);
    expect(inFlight).toMatchObject({ peak: 1, total: 6 });
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("a nested call that is made after its holder has ended takes a slot of its own", async () => {
    const gate = new Gate({ concurrency: 1 });
    let late: GateContext | undefined;
    await gate.run((ctx) => {
      late = ctx;
    });
    await turn();
    const inFlight = new InFlight();
    const calls = [gate.run(() => inFlight.during(() => sleep(10)))];
    calls.push(gate.run(() => inFlight.during(() => sleep(10)), { ctx: late! }));
    await advance(30);
    await Promise.all(calls);
    expect(inFlight).toMatchObject({ peak: 1, total: 2 });
  });

  test("a nested call that fails or is aborted gives the borrowed slot back", async () => {
    const gate = new Gate({ concurrency: 1 });
    const { signal, abort } = controller();
    await gate.run(async (ctx) => {
      const failing = gate.run(() => Promise.reject(stop), { ctx });
      const held = gate.run(() => sleep(20), { ctx });
      const aborted = gate.run(() => 1, { ctx, signal });
      await expect(failing).rejects.toBe(stop);
      abort(stop);
      await expect(aborted).rejects.toBe(stop);
      await advance(20);
      await held;
      await expect(gate.run(() => "again", { ctx })).resolves.toBe("again");
    });
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("flow.run() with ctx borrows inside: flows, batches and batch flows cannot wait for themselves", async () => {
    const gate = new Gate({ concurrency: 1 });
    const inFlight = new InFlight();
    const leaf = node({ gate, exec: () => inFlight.during(turn) });
    class Walks extends AsyncParallelBatchFlow<object, { i: number }> {
      override prep() {
        return [{ i: 0 }, { i: 1 }, { i: 2 }];
      }
    }
    class OneByOne extends BatchFlow<object, { i: number }> {
      override prep() {
        return [{ i: 0 }, { i: 1 }];
      }
    }
    const inner = new BatchItems(gate, () => inFlight.during(turn));
    inner.next(new Walks(leaf)).next(new OneByOne(new Flow(leaf)));
    const outer = node({ gate, exec: (_: unknown, ctx) => new Flow(inner).run({}, { ctx }) });
    await new Flow(outer).run({});
    expect(inFlight).toMatchObject({ peak: 1, total: 9 });
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("a nested call takes permits of its own", async () => {
    const gate = new Gate({ concurrency: 1, rate: { requests: 10, tokens: 1_000, per: 1_000 } });
    await gate.run((ctx) => gate.run(() => {}, { ctx, tokens: 100 }), { tokens: 10 });
    const { started, requestsLeft, tokensLeft } = gate.stats();
    expect({ started, requestsLeft, tokensLeft }).toEqual({ started: 2, requestsLeft: 7, tokensLeft: 880 });
  });

  test("a nested call ends with the signal of its ctx", async () => {
    const gate = new Gate({ concurrency: 1 });
    const { signal, abort } = controller();
    let nested: Promise<unknown> | undefined;
    const outer = gate.run(
      (ctx) => {
        nested = gate.run(() => sleep(1_000), { ctx });
        return nested;
      },
      { signal },
    );
    await turn();
    abort(stop);
    await expect(outer).rejects.toBe(stop);
    await expect(nested).rejects.toBe(stop);
  });

  test("a nested call with a signal of its own ends with either", async () => {
    for (const which of ["outer", "own"]) {
      const gate = new Gate({ concurrency: 1 });
      const [outer, own] = [controller(), controller()];
      let nested: Promise<unknown> | undefined;
      const work = gate.run(
        async (ctx) => {
          nested = gate.run(() => sleep(1_000), { ctx, signal: own.signal });
          await nested.catch(() => {});
          return "outer ended";
        },
        { signal: outer.signal },
      );
      const ended = work.catch((error: unknown) => error);
      await turn();
      (which === "outer" ? outer : own).abort(stop);
      await expect(nested).rejects.toBe(stop);
      expect(await ended).toBe(which === "outer" ? stop : "outer ended");
    }
  });

  test("different gates nest freely in one order", async () => {
    const [a, b] = [new Gate({ concurrency: 1 }), new Gate({ concurrency: 1 })];
    const inFlight = new InFlight();
    const call = () => a.run((ctx) => b.run(() => inFlight.during(turn), { ctx }));
    await Promise.all([call(), call(), call()]);
    expect(inFlight).toMatchObject({ peak: 1, total: 3 });
  });
});

describe("the warning SLUICE_GATE_STALLED", () => {
  const warnings = () => {
    const seen: { text: string; code: string }[] = [];
    const spy = vi.spyOn(process, "emitWarning").mockImplementation(((
      text: string,
      options: { code: string },
    ) => {
      seen.push({ text, code: options.code });
    }) as typeof process.emitWarning);
    return { seen, restore: () => spy.mockRestore() };
  };

  test("comes at once for a nested gate.run without ctx that is seen to be nested, once for a gate", async () => {
    const { seen, restore } = warnings();
    const gate = new Gate({ concurrency: 2 });
    await gate.run(() => gate.run(() => 1));
    await gate.run(() => gate.run(() => 1));
    restore();
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      code: "SLUICE_GATE_STALLED",
      text: expect.stringContaining("gate.run(fn, { ctx })"),
    });
  });

  test("comes at once for one that a node's exec makes", async () => {
    const { seen, restore } = warnings();
    const gate = new Gate({ concurrency: 2 });
    await new Flow(node({ gate, exec: () => gate.run(() => 1) })).run({});
    restore();
    expect(seen.map(({ code }) => code)).toEqual(["SLUICE_GATE_STALLED"]);
  });

  test("comes at once for one that a batch's exec makes, the first time and later", async () => {
    for (const nested of [0, 3]) {
      const { seen, restore } = warnings();
      const gate = new Gate({ concurrency: 2 });
      let items = 0;
      await new Flow(new BatchItems(gate, () => (items++ === nested ? gate.run(() => 1) : 1))).run({});
      restore();
      expect(seen.map(({ code }) => code)).toEqual(["SLUICE_GATE_STALLED"]);
    }
  });

  test("comes after ten seconds in which no slot came free, when the nesting cannot be seen", async () => {
    const { seen, restore } = warnings();
    const gate = new Gate({ concurrency: 1 });
    const { signal, abort } = controller();
    const stuck = gate.run(
      async () => {
        await turn();
        return gate.run(() => 1, { signal });
      },
      { signal },
    );
    await advance(9_900);
    expect(seen).toEqual([]);
    await advance(200);
    expect(seen.map(({ code }) => code)).toEqual(["SLUICE_GATE_STALLED"]);
    abort(stop);
    await expect(stuck).rejects.toBe(stop);
    restore();
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("does not come for calls that wait long because many are before them", async () => {
    const { seen, restore } = warnings();
    const gate = new Gate({ concurrency: 1 });
    const calls = Promise.all([1, 2, 3, 4].map(() => gate.run(() => sleep(6_000))));
    await advance(24_100);
    await calls;
    restore();
    expect(seen).toEqual([]);
  });

  test("does not come for a nested call with ctx, nor for one side by side with another", async () => {
    const { seen, restore } = warnings();
    const gate = new Gate({ concurrency: 1 });
    await gate.run((ctx) => gate.run(() => turn(), { ctx }));
    await Promise.all([gate.run(turn), gate.run(turn)]);
    restore();
    expect(seen).toEqual([]);
  });
});

describe("rates", () => {
  test("requests alone: a burst at once, then one after another at the rate, in order", async () => {
    const gate = new Gate({ rate: { requests: 10, per: 1_000, burst: 500 } });
    const { starts, start } = starter(gate);
    const order: number[] = [];
    const calls = Promise.all(Array.from({ length: 14 }, (_, i) => start({}, () => order.push(i))));
    await advance(1_200);
    await calls;
    expect(order).toEqual(Array.from({ length: 14 }, (_, i) => i));
    expect(starts.filter((at) => at === 0)).toHaveLength(4); // 5, less the margin of 1 %
    for (const [i, at] of starts.entries()) {
      if (i < 4) continue;
      const due = ((i + 1 - 4.95) * 1_000) / 9.9;
      expect(at).toBeGreaterThanOrEqual(due - 1);
      expect(at).toBeLessThanOrEqual(due + 60); // a lease comes every 50 ms
    }
  });

  test("tokens alone: calls without tokens pass freely, and requests are not counted", async () => {
    const gate = new Gate({ rate: { tokens: 100, per: 1_000 } });
    await Promise.all(Array.from({ length: 500 }, () => gate.run(() => {})));
    expect(gate.stats()).toMatchObject({
      started: 500,
      requestsLeft: Number.POSITIVE_INFINITY,
      tokensLeft: 99,
    });
    const { starts, start } = starter(gate);
    const calls = Promise.all([start({ tokens: 90 }), start({ tokens: 50 })]);
    await advance(600);
    await calls;
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThanOrEqual(413);
    expect(starts[1]).toBeLessThanOrEqual(475);
  });

  test("a call waits for both buckets, and a dear one lets nobody pass", async () => {
    const gate = new Gate({ rate: { requests: 1_000, tokens: 100, per: 1_000 } });
    const { starts, start } = starter(gate);
    const order: string[] = [];
    const calls = Promise.all([
      start({ tokens: 99 }, () => order.push("first")),
      start({ tokens: 60 }, () => order.push("dear")),
      start({}, () => order.push("free")),
    ]);
    await advance(700);
    await calls;
    expect(order).toEqual(["first", "dear", "free"]);
    expect(starts[2]).toBeGreaterThanOrEqual(600);
  });

  test("a very slow rate, one in 60 s, starts one at once and each further one a minute later", async () => {
    const gate = new Gate({ rate: { requests: 1, per: 60_000 } });
    const { starts, start } = starter(gate);
    const calls = Promise.all([start(), start(), start()]);
    await advance(122_000);
    await calls;
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThanOrEqual(60_000);
    expect(starts[1]).toBeLessThanOrEqual(60_000 * 1.012);
    expect(starts[2]! - starts[1]!).toBeGreaterThanOrEqual(60_000);
    expect(starts[2]).toBeLessThanOrEqual(120_000 * 1.012);
  });

  test("a very fast rate, 1e9 a second, never makes a call wait", async () => {
    const gate = new Gate({ rate: { requests: 1e9, tokens: 1e12, per: 1_000 } });
    await Promise.all(Array.from({ length: 5_000 }, () => gate.run(() => {}, { tokens: 1_000 })));
    expect(gate.stats()).toMatchObject({ started: 5_000, waiting: 0 });
  });

  test("rate that was not used is saved up to the burst, and no further", async () => {
    const gate = new Gate({ rate: { requests: 10, per: 1_000, burst: 1_000 } });
    expect(gate.stats().requestsLeft).toBe(9);
    const { starts, start } = starter(gate);
    await Promise.all(Array.from({ length: 9 }, () => start()));
    expect(gate.stats().requestsLeft).toBe(0);
    await advance(500);
    expect(gate.stats().requestsLeft).toBe(5);
    await advance(60_000);
    expect(gate.stats().requestsLeft).toBe(9);
    expect(starts).toHaveLength(9);
  });

  test("burst: per lets the whole period be spent at once, less the margin", async () => {
    const gate = new Gate({ rate: { requests: 500, tokens: 200_000, per: 60_000, burst: 60_000 } });
    expect(gate.stats()).toMatchObject({ requestsLeft: 495, tokensLeft: 198_000 });
    const usual = new Gate({ rate: { requests: 500, tokens: 200_000, per: 60_000 } });
    expect(usual.stats()).toMatchObject({ requestsLeft: 8, tokensLeft: 3_300 });
  });

  test("one request always fits, however small the burst", async () => {
    const gate = new Gate({ rate: { requests: 2, per: 1_000, burst: 1 } });
    const { starts, start } = starter(gate);
    const calls = Promise.all([start(), start(), start()]);
    await advance(1_100);
    await calls;
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThanOrEqual(500);
    expect(starts[2]).toBeLessThanOrEqual(1_030);
  });

  test("a call that costs more than the burst waits for its full time, and others behind it", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 100 } });
    const { starts, start } = starter(gate);
    const calls = Promise.all([start({ tokens: 99 }), start({ tokens: 500 }), start({ tokens: 50 })]);
    await advance(700);
    await calls;
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBeGreaterThanOrEqual(500);
    expect(starts[1]).toBeLessThanOrEqual(505 + 40);
    expect(starts[2]! - starts[1]!).toBeGreaterThanOrEqual(20);
  });

  test("a call that costs a whole period starts in the end, at the very limit", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 100 } });
    const { starts, start } = starter(gate);
    const call = start({ tokens: 1_000 });
    await advance(1_000);
    await call;
    expect(starts[0]).toBeGreaterThanOrEqual(900);
  });

  test.each(["stats()", "charge()"])(
    "%s, called often meanwhile, does not keep a dear call from starting",
    async (how) => {
      const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 100 } });
      const { starts, start } = starter(gate);
      let settle: (tokens: number) => void = () => {};
      const running = gate.run((ctx) => {
        settle = ctx.charge;
        return sleep(2_000);
      });
      const call = start({ tokens: 400 });
      const poll = setInterval(() => (how === "stats()" ? gate.stats() : settle(0)), 20);
      await advance(500);
      clearInterval(poll);
      expect(starts).toHaveLength(1);
      expect(starts[0]).toBeLessThanOrEqual(400);
      await advance(1_600);
      await Promise.all([call, running]);
    },
  );

  test("a dear call that is aborted leaves no more than the burst to those behind it", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 100 } });
    const { starts, start } = starter(gate);
    const { signal, abort } = controller();
    const dear = start({ tokens: 1_000, signal });
    const cheap = Promise.all([1, 2, 3, 4].map(() => start({ tokens: 60 })));
    await advance(800);
    abort(stop);
    await expect(dear).rejects.toBe(stop);
    await advance(400);
    await cheap;
    const tokensWithin = (ms: number) => starts.filter((at) => at <= starts[0]! + ms).length * 60;
    expect(tokensWithin(0)).toBeLessThanOrEqual(100);
    expect(tokensWithin(60)).toBeLessThanOrEqual(160);
  });

  test("a call that costs more than a whole period is refused at once, and not tried again", async () => {
    const gate = new Gate({ concurrency: 1, rate: { tokens: 100, per: 1_000 } });
    const call = vi.fn();
    await expect(gate.run(call, { tokens: 101 })).rejects.toMatchObject({
      code: "COST_TOO_HIGH",
      message: expect.stringMatching(/101 tokens.*100/),
    });
    const cost = vi.fn(() => 101);
    const flow = new Flow(node({ gate, attempts: 5, backoff: 1_000, cost, exec: call }));
    await expect(flow.run({})).rejects.toMatchObject({ code: "COST_TOO_HIGH" });
    expect(cost).toHaveBeenCalledOnce();
    expect(call).not.toHaveBeenCalled();
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("tokens cost nothing at a gate without a rate of tokens", async () => {
    const gate = new Gate({ concurrency: 1 });
    await expect(gate.run(() => "free", { tokens: 1e300 })).resolves.toBe("free");
  });

  test("an aborted waiter takes no permits, and the next moves up", async () => {
    const gate = new Gate({ rate: { requests: 1, per: 1_000 } });
    const { starts, start } = starter(gate);
    const { signal, abort } = controller();
    const first = start();
    const second = start({ signal });
    const third = start();
    await advance(500);
    expect(gate.stats().waiting).toBe(2);
    abort(stop);
    await expect(second).rejects.toBe(stop);
    await advance(600);
    await Promise.all([first, third]);
    expect(starts).toHaveLength(2);
    expect(starts[1]).toBeLessThanOrEqual(1_070);
  });

  test("of two calls that one lease grants, the first can still abort the second", async () => {
    const gate = new Gate({ rate: { requests: 3, per: 1_000 } });
    const { signal, abort } = controller();
    const second = vi.fn();
    await Promise.all([gate.run(() => {}), gate.run(() => {})]);
    const one = gate.run(() => abort(stop));
    const two = gate.run(second, { signal });
    const failed = expect(two).rejects.toBe(stop);
    await turn();
    vi.advanceTimersByTime(900); // no turn in between, so both are granted together
    await advance(50);
    await Promise.all([one, failed]);
    expect(second).not.toHaveBeenCalled();
    expect(gate.stats()).toMatchObject({ started: 3, requestsLeft: 2 }); // its permit was given back
  });

  test("when the last waiter has left, no timer is left", async () => {
    const gate = new Gate({ rate: { requests: 1, per: 60_000 } });
    const { signal, abort } = controller();
    await gate.run(() => {});
    const waiting = gate.run(() => {}, { signal });
    await advance(200);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    abort(stop);
    await expect(waiting).rejects.toBe(stop);
    await advance(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("the rate holds on after waiters have left and others have come", async () => {
    const gate = new Gate({ rate: { requests: 10, per: 1_000, burst: 100 } });
    const { starts, start } = starter(gate);
    for (let i = 0; i < 40; i++) {
      const { signal, abort } = controller();
      const calls = [start({ signal }), start({ signal }), start({ signal })];
      await advance(25);
      abort(stop);
      await Promise.allSettled(calls);
    }
    expect(starts.length).toBeGreaterThanOrEqual(9);
    expect(starts.length).toBeLessThanOrEqual(11);
  });
});

describe("gate and rate on one node", () => {
  test("both hold, whichever is the narrower", async () => {
    for (const [shared, own] of [
      [20, 10],
      [10, 20],
    ] as const) {
      const gate = new Gate({ concurrency: 3, rate: { requests: shared, per: 1_000, burst: 400 } });
      const inFlight = new InFlight();
      const starts: number[] = [];
      class Items extends AsyncParallelBatchNode<object, number, void> {
        override prep() {
          return Array.from({ length: 12 }, (_, i) => i);
        }
        override exec() {
          starts.push(performance.now());
          return inFlight.during(() => sleep(5));
        }
      }
      const run = new Flow(new Items({ gate, rate: { requests: own, per: 1_000, burst: 400 } })).run({});
      await advance(1_500);
      await run;
      const from = starts[0]!;
      expect(inFlight.peak).toBeLessThanOrEqual(3);
      for (const [i, at] of starts.entries())
        expect(i + 1).toBeLessThanOrEqual(4 + ((at - from) * 10) / 1_000);
      expect(starts.at(-1)! - from).toBeLessThanOrEqual(((12 - 3.96) * 1_000) / 9.9 + 60);
    }
  });

  test("a private rate is shared by all runs of its node, and is no other node's", async () => {
    const starts: string[] = [];
    const rate = { requests: 5, per: 1_000, burst: 1 };
    const a = new Flow(node({ rate, exec: () => starts.push("a") }));
    const b = new Flow(node({ rate, exec: () => starts.push("b") }));
    const runs = Promise.all([a.run({}), a.run({}), b.run({})]);
    await advance(20);
    expect(starts).toEqual(["a", "b"]);
    await advance(250);
    await runs;
    expect(starts).toEqual(["a", "b", "a"]);
  });

  test("tokens are taken from both, and charged to both", async () => {
    const gate = new Gate({ rate: { tokens: 10_000, per: 1_000 } });
    const starts: number[] = [];
    const each = node({
      gate,
      rate: { tokens: 1_000, per: 1_000 },
      cost: () => 400,
      exec: (_: unknown, { charge }) => {
        starts.push(performance.now());
        charge(800);
      },
    });
    await new Flow(each).run({});
    expect(gate.stats().tokensLeft).toBe(9_100);
    const second = new Flow(each).run({});
    await advance(300);
    await second;
    expect(starts[1]! - starts[0]!).toBeGreaterThanOrEqual(212); // 990 − 800 = 190, and 400 are wanted
    expect(starts[1]! - starts[0]!).toBeLessThanOrEqual(212 + 60);
  });
});

describe("cost()", () => {
  test("reserves tokens before each attempt, sync or async, from what prep gave or from the item", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 1_000 } });
    const left: number[] = [];
    const sync = node({
      gate,
      attempts: 2,
      prep: () => 100,
      cost: (size) => size,
      exec: () => {
        left.push(gate.stats().tokensLeft);
        if (left.length === 1) throw new Error("again");
      },
    });
    await new Flow(sync).run({});
    expect(left).toEqual([890, 790]);
    class Items extends BatchNode<object, number, void> {
      override prep() {
        return [10, 20];
      }
      override async cost(size: number) {
        return size;
      }
      override exec() {
        left.push(gate.stats().tokensLeft);
      }
    }
    await new Flow(new Items({ gate })).run({});
    expect(left).toEqual([890, 790, 780, 760]);
  });

  test.each([
    ["NaN", Number.NaN],
    ["a negative number", -1],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["a string", "12"],
    ["nothing", undefined],
  ])("that returns %s is an error that names the node, and is not tried again", async (_, value) => {
    const gate = new Gate({ concurrency: 1 });
    const cost = vi.fn(() => value as number);
    const exec = vi.fn();
    const flow = new Flow(node({ name: "Ask", gate, attempts: 3, cost, exec }));
    const failure = await flow.run({}).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "INVALID_COST", message: expect.stringContaining('"Ask"') });
    expect(cost).toHaveBeenCalledOnce();
    expect(exec).not.toHaveBeenCalled();
    expect(locate(failure)).toMatchObject({ node: "Ask" });
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test.each([
    ["sync", (value: number) => value],
    ["async", async (value: number) => value],
  ])("of a batch, %s, is asked for each item, and a wrong one fails that item alone", async (_, cost) => {
    const gate = new Gate({ concurrency: 2, rate: { tokens: 1_000, per: 1_000, burst: 1_000 } });
    const executed: number[] = [];
    const costs = [10, -1, 20, Number.NaN, 30];
    const batch = Object.assign(
      new AsyncParallelBatchNode<{ failed?: unknown[] }>({ gate, onError: "collect" }),
      {
        prep: () => costs,
        cost,
        exec: (item: number) => executed.push(item),
        post: (shared: { failed?: unknown[] }, _items: unknown, results: unknown[]) => {
          shared.failed = results
            .filter(isFailure)
            .map(({ index, error }) => [index, (error as SluiceError).code]);
        },
      },
    );
    const shared: { failed?: unknown[] } = {};
    await new Flow(batch).run(shared);
    expect(executed).toEqual([10, 20, 30]);
    expect(shared.failed).toEqual([
      [1, "INVALID_COST"],
      [3, "INVALID_COST"],
    ]);
    expect(gate.stats().tokensLeft).toBe(930);
    expect(await slotsFree(gate, 2)).toBe(true);
  });

  test("that throws or rejects fails as exec would: it is tried again, then falls back", async () => {
    const gate = new Gate({ concurrency: 1 });
    const cost = vi.fn(async () => {
      throw stop;
    });
    const fallback = vi.fn(() => "fallen");
    const flow = new Flow(
      node({ gate, attempts: 2, cost, exec: () => "done", execFallback: fallback, post: (_s, _p, r) => r }),
    );
    await expect(flow.run({})).resolves.toBe("fallen");
    expect(cost).toHaveBeenCalledTimes(2);
    expect(fallback).toHaveBeenCalledWith(undefined, stop, expect.anything());
  });

  test("an abort while it is pending keeps exec from starting", async () => {
    const gate = new Gate({ concurrency: 1 });
    const exec = vi.fn();
    const { signal, abort } = controller();
    const run = new Flow(node({ gate, cost: () => sleep(50).then(() => 1), exec })).run({}, { signal });
    await advance(10);
    abort(stop);
    await expect(run).rejects.toBe(stop);
    await advance(100);
    expect(exec).not.toHaveBeenCalled();
    expect(gate.stats().started).toBe(0);
  });
});

describe("charge()", () => {
  const spend = async (reserved: number, ...charges: number[]) => {
    const gate = new Gate({ rate: { tokens: 10_000, per: 1_000 } });
    await gate.run(
      ({ charge }) => {
        for (const tokens of charges) charge(tokens);
      },
      { tokens: reserved },
    );
    return 9_900 - gate.stats().tokensLeft;
  };

  test("gives back what was reserved too much", async () => {
    expect(await spend(500, 120)).toBe(120);
  });

  test("takes what was reserved too little, and the next calls wait for it", async () => {
    expect(await spend(100, 700)).toBe(700);
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 1_000 } });
    await gate.run(({ charge }) => charge(1_490));
    expect(gate.stats().tokensLeft).toBe(0);
    const { starts, start } = starter(gate);
    const call = start({ tokens: 1 });
    await advance(600);
    await call;
    expect(starts[0]).toBeGreaterThanOrEqual(505); // a debt of 500 at 990 a second
    expect(starts[0]).toBeLessThanOrEqual(570);
  });

  test("several charges add up, and 0 gives back all", async () => {
    expect(await spend(500, 100, 100, 50)).toBe(250);
    expect(await spend(500, 0)).toBe(0);
    expect(await spend(500, 0, 30)).toBe(30);
    expect(await spend(0, 10, 20)).toBe(30);
  });

  test("never fills the bucket beyond its burst", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 1_000 } });
    await gate.run(
      async ({ charge }) => {
        await advance(1_000); // full again
        charge(0);
      },
      { tokens: 900 },
    );
    expect(gate.stats().tokensLeft).toBe(990);
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "5", undefined])(
    "refuses %s and changes nothing",
    async (tokens) => {
      const gate = new Gate({ rate: { tokens: 1_000, per: 1_000 } });
      const call = gate.run(({ charge }) => charge(tokens as number), { tokens: 90 });
      await expect(call).rejects.toMatchObject({ code: "INVALID_COST" });
      expect(gate.stats().tokensLeft).toBe(900);
    },
  );

  test("of a node's ctx settles what its cost() reserved; without a gate it does nothing", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000 } });
    const exec = (_: unknown, { charge }: Context) => charge(40);
    await new Flow(node({ gate, cost: () => 90, exec })).run({});
    expect(gate.stats().tokensLeft).toBe(950);
    await expect(new Flow(node({ exec })).run({})).resolves.toBeUndefined();
  });

  test("has no effect after the run, after the gate.run, or once the exec was abandoned", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 1_000 } });
    const late: ((tokens: number) => void)[] = [];
    await gate.run(({ charge }) => late.push(charge));
    await new Flow(node({ gate, exec: (_: unknown, { charge }) => late.push(charge) })).run({});
    const slow = node({
      gate,
      timeout: 10,
      exec: (_: unknown, { charge }) => {
        late.push(charge);
        return sleep(100);
      },
    });
    const { signal, abort } = controller();
    const runs = Promise.allSettled([
      new Flow(slow).run({}),
      gate.run(
        ({ charge }) => {
          late.push(charge);
          return sleep(100);
        },
        { signal },
      ),
    ]);
    await advance(20);
    abort(stop);
    await runs;
    expect(late).toHaveLength(4);
    for (const [i, charge] of late.entries()) {
      const before = gate.stats().tokensLeft;
      charge(500);
      expect(gate.stats().tokensLeft, `the late charge ${i}`).toBe(before);
    }
    await advance(100);
  });

  test("a call that goes again after a 429 reserves and settles anew", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 1_000 } });
    let tries = 0;
    const call = gate.run(
      ({ charge }) => {
        charge(50);
        if (tries++ === 0) throw refusal(1_000);
      },
      { tokens: 300 },
    );
    await advance(1_100);
    await call;
    expect(tries).toBe(2);
    expect(gate.stats().tokensLeft).toBeGreaterThanOrEqual(930);
  });
});

describe("429", () => {
  test("pauses the whole gate as long as the vendor says, then that call goes again", async () => {
    const gate = new Gate({ concurrency: 4 });
    const { starts, start } = starter(gate);
    let tries = 0;
    const refused = start({}, () => {
      if (tries++ === 0) throw refusal(500);
      return "done";
    });
    await turn();
    const others = Promise.all([start(), start(), start()]);
    await advance(499);
    expect(starts).toEqual([0]);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 4, refused: 1 });
    await advance(5);
    await others;
    await expect(refused).resolves.toBe("done");
    expect(starts).toHaveLength(5);
    for (const at of starts.slice(1)) expect(at).toBeGreaterThanOrEqual(500);
    expect(gate.stats()).toMatchObject({ started: 5, refused: 1, running: 0, waiting: 0 });
  });

  test("nobody is sent during a pause, at a gate with slots, with a rate, with both or with neither", async () => {
    const rate = { requests: 1_000, tokens: 1_000, per: 1_000 };
    for (const options of [{}, { concurrency: 2 }, { rate }, { concurrency: 2, rate }] as GateOptions[]) {
      const gate = new Gate(options);
      const { starts, start } = starter(gate);
      let tries = 0;
      const work = () => {
        if (tries++ === 0) throw refusal(200);
      };
      const calls = [start({}, work)];
      for (let i = 0; i < 10; i++) {
        await advance(15);
        calls.push(start());
      }
      await advance(200);
      await Promise.all(calls);
      expect(starts).toHaveLength(12);
      for (const at of starts.slice(1)) expect(at).toBeGreaterThanOrEqual(200);
    }
  });

  test("a call in flight goes on during a pause, and a longer pause wins over a shorter one", async () => {
    const gate = new Gate();
    const { starts, start } = starter(gate);
    const tries = { short: 0, long: 0 };
    const calls = Promise.all([
      start({}, async () => {
        await turn();
        if (tries.long++ === 0) throw refusal(800);
      }),
      start({}, async () => {
        await sleep(100);
        if (tries.short++ === 0) throw refusal(200);
      }),
      start({}, () => sleep(300)),
    ]);
    await advance(310);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 2 });
    await advance(480);
    expect(starts).toHaveLength(3);
    await advance(150);
    await calls;
    expect(starts).toHaveLength(5);
    expect(starts[3]).toBeGreaterThanOrEqual(800);
  });

  test("the gate's stats tell until when it pauses", async () => {
    const gate = new Gate();
    const zero = Date.now();
    expect(gate.stats().pausedUntil).toBeUndefined();
    let tries = 0;
    const call = gate.run(() => {
      if (tries++ === 0) throw refusal(2_000);
    });
    await advance(500);
    expect(gate.stats().pausedUntil).toBe(zero + 2_000);
    await advance(1_600);
    await call;
    expect(gate.stats().pausedUntil).toBeUndefined();
  });

  test("is not an attempt: a node with one attempt sits it out, and the attempt's number stays", async () => {
    const gate = new Gate({ concurrency: 1 });
    const attempts: number[] = [];
    const flow = new Flow(
      node({
        gate,
        exec: (_: unknown, { attempt }) => {
          attempts.push(attempt);
          if (attempts.length < 4) throw refusal(100);
        },
      }),
    );
    const run = flow.run({});
    await advance(100 + 1_250 + 2_500 + 50);
    await run;
    expect(attempts).toEqual([0, 0, 0, 0]);
    expect(gate.stats()).toMatchObject({ started: 4, refused: 3 });
  });

  test.each([
    [undefined, 9],
    [2, 3],
    [0, 1],
  ])("after maxPauses (%s) in a row the error is the call's failure", async (maxPauses, calls) => {
    const gate = new Gate({ maxPauses });
    const error = refusal(10);
    const call = vi.fn(() => {
      throw error;
    });
    const failed = expect(gate.run(call)).rejects.toBe(error);
    await untilDone(failed);
    expect(call).toHaveBeenCalledTimes(calls);
    expect(gate.stats().refused).toBe(calls);
  });

  test("a call that was refused keeps its place: after the pause it goes before those who came later", async () => {
    const gate = new Gate({ rate: { requests: 10, per: 1_000, burst: 100 } });
    const order: string[] = [];
    let tries = 0;
    const calls = ["first", "second", "third", "fourth"].map((name) =>
      gate.run(() => {
        order.push(name);
        if (name === "first" && tries++ === 0) throw refusal(50);
      }),
    );
    await advance(800);
    await Promise.all(calls);
    expect(order).toEqual(["first", "first", "second", "third", "fourth"]);
  });

  test("also the last 429 of a call pauses the gate for the others", async () => {
    const gate = new Gate({ maxPauses: 0 });
    const { starts, start } = starter(gate);
    const error = refusal(200);
    await expect(gate.run(() => Promise.reject(error))).rejects.toBe(error);
    const other = start();
    await advance(190);
    expect(starts).toEqual([]);
    await advance(20);
    await other;
    expect(starts).toHaveLength(1);
  });

  test("each attempt has its own maxPauses, and the failure goes to retryIf and the fallback as it is", async () => {
    const gate = new Gate({ concurrency: 1, maxPauses: 1 });
    const error = refusal(10);
    const exec = vi.fn(() => {
      throw error;
    });
    const retryIf = vi.fn(() => true);
    const flow = new Flow(
      node({
        gate,
        attempts: 3,
        retryIf,
        exec,
        execFallback: (_p, last) => last === error,
        post: (_s, _p, same) => `${same}`,
      }),
    );
    const run = flow.run({});
    await untilDone(run);
    await expect(run).resolves.toBe("true");
    expect(exec).toHaveBeenCalledTimes(6);
    expect(retryIf).toHaveBeenCalledTimes(2);
  });

  test("an exhausted quota fails at once, pauses nobody and is not tried again", async () => {
    const gate = new Gate({ concurrency: 1 });
    const error = Object.assign(refusal(10), { code: "insufficient_quota" });
    const exec = vi.fn(() => {
      throw error;
    });
    await expect(new Flow(node({ gate, attempts: 3, exec })).run({})).rejects.toBe(error);
    expect(exec).toHaveBeenCalledOnce();
    expect(gate.stats()).toMatchObject({ pausedUntil: undefined, refused: 0 });
  });

  test("a walk's failure with status 429 is no pause: its nodes have gates of their own", async () => {
    const gate = new Gate();
    const error = refusal(500);
    const inner = node({
      exec: () => {
        throw error;
      },
    });
    await expect(new Flow(inner, { gate }).run({})).rejects.toBe(error);
    expect(gate.stats().pausedUntil).toBeUndefined();
  });

  test("an abort ends the pause at once for the call that waits in it", async () => {
    const gate = new Gate({ concurrency: 1 });
    const call = vi.fn(() => {
      throw refusal(60_000);
    });
    const { signal, abort } = controller();
    const waiting = gate.run(call, { signal });
    await advance(50);
    abort(stop);
    await expect(waiting).rejects.toBe(stop);
    await advance(5);
    expect(call).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("a wait longer than a timer can be is waited for, not fired at once", async () => {
    const gate = new Gate({ maxPause: 2 ** 40 });
    const ms = 2 ** 31 + 5_000;
    let tries = 0;
    const call = gate.run(() => {
      if (tries++ === 0) throw refusal(ms);
    });
    const started = vi.spyOn(globalThis, "setTimeout");
    await advance(100);
    expect(tries).toBe(1);
    expect(started.mock.calls.length).toBeLessThan(5); // a timer over its longest would fire at once, again and again
    started.mockRestore();
    vi.advanceTimersByTime(2 ** 31);
    await advance(10);
    expect(tries).toBe(1);
    await advance(5_000);
    await call;
    expect(tries).toBe(2);
  });

  test("the pause empties what was saved up, for the vendor has nothing left", async () => {
    const gate = new Gate({ rate: { requests: 10, per: 1_000 } });
    let tries = 0;
    const { starts, start } = starter(gate);
    const calls = [
      start({}, () => {
        if (tries++ === 0) throw refusal(100);
      }),
    ];
    await turn();
    for (let i = 0; i < 5; i++) calls.push(start());
    await advance(800);
    await Promise.all(calls);
    for (const [i, at] of starts.slice(1).entries()) {
      expect(at).toBeGreaterThanOrEqual(((i + 1) * 1_000) / 9.9 - 1);
    }
  });
});

describe("retryAfter, the option", () => {
  const failing = (gate: Gate, error: unknown) => {
    const calls: number[] = [];
    const zero = performance.now();
    const run = gate.run(() => {
      calls.push(performance.now() - zero);
      if (calls.length === 1) throw error;
      return "done";
    });
    return { calls, run };
  };

  test("gives the pause in milliseconds for any error", async () => {
    const busy = new Error("SlowDown");
    const { calls, run } = failing(
      new Gate({ retryAfter: (error) => (error === busy ? 300 : undefined) }),
      busy,
    );
    await advance(350);
    await expect(run).resolves.toBe("done");
    expect(calls).toHaveLength(2);
    expect(calls[1]).toBeGreaterThanOrEqual(300);
  });

  test("undefined leaves it to the built-in reading", async () => {
    const { calls, run } = failing(new Gate({ retryAfter: () => undefined }), refusal(200));
    await advance(250);
    await run;
    expect(calls[1]).toBeGreaterThanOrEqual(200);
  });

  test("false makes even a 429 the call's failure", async () => {
    const error = refusal(200);
    const { run } = failing(new Gate({ retryAfter: () => false }), error);
    await expect(run).rejects.toBe(error);
  });

  test("0 sends the call again at once", async () => {
    const { calls, run } = failing(new Gate({ retryAfter: () => 0 }), new Error("blip"));
    await advance(5);
    await run;
    expect(calls).toHaveLength(2);
  });

  test("that throws fails the call with what it threw, and frees the slot", async () => {
    const broken = new Error("broken");
    const gate = new Gate({
      concurrency: 1,
      retryAfter: () => {
        throw broken;
      },
    });
    const { run } = failing(gate, refusal(10));
    await expect(run).rejects.toBe(broken);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, "100", true, null])(
    "that returns %s is an error that says what it may return",
    async (value) => {
      const gate = new Gate({ concurrency: 1, retryAfter: () => value as never });
      const { run } = failing(gate, new Error("no"));
      await expect(run).rejects.toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining("`retryAfter`"),
      });
      expect(await slotsFree(gate, 1)).toBe(true);
    },
  );
});

describe("stats()", () => {
  test("of a new gate", () => {
    expect(new Gate().stats()).toEqual({
      running: 0,
      waiting: 0,
      requestsLeft: Number.POSITIVE_INFINITY,
      tokensLeft: Number.POSITIVE_INFINITY,
      pausedUntil: undefined,
      started: 0,
      refused: 0,
      spent: { calls: 0, tokens: 0 },
      limit: Number.POSITIVE_INFINITY,
    });
    expect(
      new Gate({ concurrency: 2, rate: { requests: 10, tokens: 50, per: 1_000 } }).stats(),
    ).toMatchObject({
      requestsLeft: 9,
      tokensLeft: 49,
    });
  });

  test("counts calls that run, that wait for a slot and that wait for permits", async () => {
    const gate = new Gate({ concurrency: 2, rate: { requests: 1, per: 1_000 } });
    const calls = Promise.all(Array.from({ length: 4 }, () => gate.run(() => sleep(100))));
    await turn();
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 3, started: 1, requestsLeft: 0 });
    await advance(200);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 3 });
    await advance(4_000);
    await calls;
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0, started: 4 });
  });

  test("counts a nested call that waits for a lent slot", async () => {
    const gate = new Gate({ concurrency: 1 });
    const work = gate.run((ctx) => Promise.all([1, 2, 3].map(() => gate.run(() => sleep(20), { ctx }))));
    await advance(5);
    expect(gate.stats()).toMatchObject({ running: 2, waiting: 2 });
    await advance(70);
    await work;
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("never shows a number below 0, nor a fraction", async () => {
    const gate = new Gate({ rate: { requests: 3, tokens: 7, per: 1_000 } });
    await gate.run(({ charge }) => charge(500));
    await advance(50);
    expect(gate.stats()).toMatchObject({ requestsLeft: 2, tokensLeft: 0 });
  });
});

function controller() {
  const own = new AbortController();
  return { signal: own.signal, abort: (reason?: unknown) => own.abort(reason) };
}

/** Items that all run the same work under a gate. */
class BatchItems extends AsyncParallelBatchNode<object, number, unknown> {
  readonly #work: () => unknown;
  readonly #items: number;

  constructor(gate: Gate, work: () => unknown, options: object = {}, items = 4) {
    super({ gate, concurrency: 3, ...options });
    this.#work = work;
    this.#items = items;
  }
  override prep() {
    return Array.from({ length: this.#items }, (_, i) => i);
  }
  override exec() {
    return this.#work();
  }
}
