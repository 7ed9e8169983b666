// Rates in requests and tokens: what may start when. Time is faked; what needs the real clock is in the *.clock.test.ts files.
import { AsyncParallelBatchNode, Flow, Gate, node } from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, sleep, turn, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { controller, slotsFree, starter, stop } from "../support/gate-calls.js";
import { InFlight } from "../support/in-flight.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

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

  test("a call waits for both buckets, and an expensive one is not overtaken", async () => {
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
