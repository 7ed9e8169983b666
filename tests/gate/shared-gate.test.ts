// One gate for several nodes, flows and runs, and who holds a slot when. Time is faked; what needs the real clock is in the *.clock.test.ts files.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchNode,
  type Context,
  Flow,
  Gate,
  node,
} from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, sleep, turn, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { BatchItems, controller, slotsFree } from "../support/gate-calls.js";
import { InFlight } from "../support/in-flight.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

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

  test("a worker that keeps its slot for the next item releases it as soon as another call waits", async () => {
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
  }, 120_000);
});
