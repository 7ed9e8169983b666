import {
  type Action,
  AsyncParallelBatchNode,
  BatchNode,
  type Context,
  emitter,
  Flow,
  Gate,
  node,
  parallel,
  SluiceError,
  type UsageEvent,
} from "sluice";
import { describe, expect, test, vi } from "vitest";
import { rejection } from "../support/deferred.js";
import { watchers } from "../support/watchers.js";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A batch of calls that cost what their items say, and charge what `charge` says. */
class Calls extends AsyncParallelBatchNode<{ done?: number[] }, number, number> {
  charges: (n: number) => number | undefined = () => undefined;
  started: number[] = [];
  delivered: number[] = [];
  override prep(_shared: { done?: number[] }, { params }: Context) {
    return params.costs as number[];
  }
  override cost(n: number) {
    return n;
  }
  override async exec(n: number, { charge }: Context) {
    this.started.push(n);
    await sleep(2);
    const real = this.charges(n);
    if (real !== undefined) charge(real);
    return n;
  }
  override onResult = (_shared: object, n: unknown) => {
    this.delivered.push(n as number);
  };
}

describe.each(Object.entries(watchers))("a budget, watched by %s", (_name, run) => {
  test("ends the run when the next call does not fit, after those in flight have been delivered", async () => {
    const calls = new Calls({ concurrency: 3 });
    const options = { budget: { tokens: 100 }, params: { costs: [40, 40, 40, 40] } };
    const error = await rejection(run(new Flow(calls), {}, options));
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ code: "BUDGET_SPENT" });
    expect(calls.started).toEqual([40, 40]);
    expect(calls.delivered).toEqual([40, 40]);
  });

  test("the message names sums of fractions without the error of adding them", async () => {
    const calls = new Calls({ concurrency: 1 });
    const options = { budget: { tokens: 1 }, params: { costs: [0.1, 0.2, 0.3, 0.3, 0.7] } };
    const { message } = (await rejection(run(new Flow(calls), {}, options))) as Error;
    expect(message).toContain("of which 0.9 are spent, and a call of 0.7 tokens is next");
  });

  test("a call that charges less gives back, so that the next one fits", async () => {
    const calls = new Calls({ concurrency: 3 });
    calls.charges = () => 10;
    await run(new Flow(calls), {}, { budget: { tokens: 100 }, params: { costs: [40, 40, 40, 40] } });
    expect(calls.delivered).toEqual([40, 40, 40, 40]);
  });

  test("a call that charges more than it reserved leaves less", async () => {
    const calls = new Calls({ concurrency: 1 });
    calls.charges = () => 60;
    const options = { budget: { tokens: 100 }, params: { costs: [50, 50, 50] } };
    expect(await rejection(run(new Flow(calls), {}, options))).toMatchObject({ code: "BUDGET_SPENT" });
    expect(calls.started).toEqual([50]);
  });

  test("counts every exec as a call, of nodes and of items, gated or not, but no walk", async () => {
    const exec = vi.fn();
    const gate = new Gate({ concurrency: 1 });
    class Items extends BatchNode<object, number> {
      override prep() {
        return [1, 2];
      }
      override exec = exec;
    }
    const first = node({ exec, gate });
    first.next(new Flow(new Items(), { attempts: 2 })).next(node({ exec }));
    await run(new Flow(first), {}, { budget: { calls: 4 } });
    expect(exec).toHaveBeenCalledTimes(4);
    exec.mockClear();
    expect(await rejection(run(new Flow(first), {}, { budget: { calls: 3 } }))).toMatchObject({
      code: "BUDGET_SPENT",
    });
    expect(exec).toHaveBeenCalledTimes(3);
  });

  test("is never retried, collected, given to a fallback or decided on by `parallel`", async () => {
    const fallback = vi.fn();
    const post = vi.fn((): Action => undefined);
    class Items extends BatchNode<object, number> {
      override prep() {
        return [1, 2];
      }
      override exec() {}
      override execFallback = fallback;
      override post = post;
    }
    const items = new Items({ attempts: 3, onError: "collect" });
    const inner = new Flow(items, { attempts: 3 });
    inner.execFallback = fallback;
    const flow = new Flow(
      parallel([inner, new Flow(node({ exec: () => sleep(1) }))], { until: "settled", post }),
    );
    expect(await rejection(run(flow, {}, { budget: { calls: 2 } }))).toMatchObject({ code: "BUDGET_SPENT" });
    expect(fallback).not.toHaveBeenCalled();
    expect(post).not.toHaveBeenCalled();
  });

  test("a call that waited at a gate when its branch lost gives its reservation back", async () => {
    const gate = new Gate({ concurrency: 1 });
    class Waiting extends AsyncParallelBatchNode<object, number, void> {
      override prep = () => [1, 2, 3];
      override exec = () => sleep(1);
    }
    const race = parallel([new Waiting({ gate }), node({ exec: () => {} })], { until: "any" });
    race.next(race);
    expect(await rejection(run(new Flow(race), {}, { budget: { calls: 12 } }))).toMatchObject({
      code: "BUDGET_SPENT",
    });
    await vi.waitFor(() => expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 }));
  });

  test("is not waited for with a slot in hand", async () => {
    const gate = new Gate({ concurrency: 1 });
    // A worker that ends a call just when another has its reservation and comes to the gate: at one of these microtasks.
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      class Calls extends BatchNode<object, number, void> {
        override prep = () => [1, 2, 3];
        override exec = async () => {
          for (let left = microtasks; left > 0; left--) await undefined;
        };
      }
      for (let calls = 1; calls < 6; calls++) {
        const flow = new Flow(parallel([new Calls({ gate, name: "A" }), new Calls({ gate, name: "B" })]));
        expect(await rejection(run(flow, {}, { budget: { calls } }))).toMatchObject({ code: "BUDGET_SPENT" });
      }
    }
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("a refused call gives its reservation back, a failed one keeps it", async () => {
    let calls = 0;
    const gate = new Gate({ retryAfter: () => 1 });
    const refused = node({
      gate,
      cost: () => 60,
      exec: () => {
        if (++calls === 1) throw Object.assign(new Error("429"), { status: 429 });
      },
    });
    await run(new Flow(refused), {}, { budget: { tokens: 100, calls: 1 } });
    expect(calls).toBe(2);
    const failing = node({ attempts: 2, cost: () => 60, exec: () => Promise.reject(new Error("no")) });
    const error = await rejection(run(new Flow(failing), {}, { budget: { tokens: 100 } }));
    expect(error).toMatchObject({ code: "BUDGET_SPENT" });
  });

  test("a run inside a hook spends the same budget", async () => {
    const inner = vi.fn();
    const outer = node({
      exec: async (_: undefined, ctx) => {
        for (let n = 0; n < 5; n++) await new Flow(node({ exec: inner })).run({}, { ctx });
      },
    });
    const error = await rejection(run(new Flow(outer), {}, { budget: { calls: 3 } }));
    expect(error).toMatchObject({ code: "BUDGET_SPENT" });
    expect(inner).toHaveBeenCalledTimes(2);
  });
});

describe("usage", () => {
  test("is reported after each call, with the run's totals and the place of the call", async () => {
    const events = emitter();
    const seen: UsageEvent[] = [];
    events.on("usage", (event) => seen.push(event));
    const calls = new Calls({ concurrency: 1, name: "Calls" });
    calls.charges = (n) => (n === 2 ? 7 : undefined);
    const first = node({ exec: () => {} });
    first.next(calls);
    await new Flow(first, { name: "F" }).run({}, { events, params: { costs: [1, 2, 3] } });
    expect(seen.map(({ calls: count, tokens, index }) => [count, tokens, index])).toEqual([
      [1, 0, undefined],
      [2, 1, 0],
      [3, 8, 1],
      [4, 11, 2],
    ]);
    expect(seen.at(-1)?.path).toEqual(["F", "Calls"]);
  });

  test("a call that waits for the budget is let in when another gives back, in order", async () => {
    const calls = new Calls({ concurrency: 10 });
    calls.charges = () => 0;
    const costs = Array.from({ length: 50 }, () => 30);
    await new Flow(calls).run({}, { budget: { tokens: 60 }, params: { costs } });
    expect(calls.started).toHaveLength(50);
    expect(calls.delivered).toHaveLength(50);
  });
});

describe("a wrong budget", () => {
  test.each([
    [{}, "tokens"],
    [{ tokens: -1 }, "tokens"],
    [{ calls: 1.5 }, "calls"],
    [{ token: 1 }, "tokens"],
    [7, "budget"],
  ])("%j is refused before anything starts", async (budget, named) => {
    const exec = vi.fn();
    const error = await rejection(new Flow(node({ exec })).run({}, { budget: budget as never }));
    expect(error).toBeInstanceOf(SluiceError);
    expect((error as Error).message).toContain(named);
    expect(exec).not.toHaveBeenCalled();
  });
});
