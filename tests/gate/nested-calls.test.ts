// Calls inside calls: a borrowed slot, and the warning where none is borrowed. Time is faked; what needs the real clock is in the *.clock.test.ts files.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  type Context,
  Flow,
  Gate,
  type GateContext,
  node,
} from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, sleep, turn, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { BatchItems, controller, slotsFree, stop } from "../support/gate-calls.js";
import { InFlight } from "../support/in-flight.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

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
