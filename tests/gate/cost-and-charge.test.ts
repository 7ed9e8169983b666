// What a call reserves, and what it really cost. Time is faked; what needs the real clock is in the *.clock.test.ts files.
import {
  AsyncParallelBatchNode,
  BatchNode,
  type Context,
  Flow,
  Gate,
  isFailure,
  locate,
  node,
  type SluiceError,
} from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, sleep, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { controller, refusal, slotsFree, starter, stop } from "../support/gate-calls.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

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
