// Permits: one queue, two buckets, and timers only while a call waits.
import { Gate } from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, useFakeClock, useRealClock } from "../support/fake-clock.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

describe("a gate with a rate", () => {
  /** Starts calls that need nothing else, and gives when the last one started, in ms. */
  async function lastStart(gate: Gate, calls: number, ms: number): Promise<number> {
    const zero = performance.now();
    let last = Number.NaN;
    const all = Promise.all(
      Array.from({ length: calls }, () =>
        gate.run(() => {
          last = performance.now() - zero;
        }),
      ),
    );
    await advance(ms);
    await all;
    return last;
  }

  test("sets no timer while its rate does not bind", async () => {
    const gate = new Gate({ rate: { requests: 1_000, tokens: 1_000, per: 1_000 } });
    const calls = Promise.all(Array.from({ length: 900 }, () => gate.run(() => {}, { tokens: 1 })));
    expect(vi.getTimerCount()).toBe(0);
    await calls;
    expect(vi.getTimerCount()).toBe(0);
  });

  test("lets as many calls start as the rate allows, also where many start at once", async () => {
    const last = await lastStart(
      new Gate({ rate: { requests: 2_000, per: 1_000, burst: 200 } }),
      2_400,
      1_100,
    );
    expect(last).toBeGreaterThanOrEqual(1_000); // 400 of the burst at once, 2,000 in a second
    expect(last).toBeLessThanOrEqual((2_004 / 1_980) * 1_000 + 20);
  });

  test("loses no rate to a bucket that runs over, however small its burst", async () => {
    const last = await lastStart(new Gate({ rate: { requests: 1_000, per: 1_000, burst: 40 } }), 540, 600);
    expect(last).toBeLessThanOrEqual((500 / 990) * 1_000 + 20);
  });

  test("leaves no timer once its last waiter has started", async () => {
    await lastStart(new Gate({ rate: { requests: 10, per: 1_000, burst: 1 } }), 3, 400);
    await advance(10);
    expect(vi.getTimerCount()).toBe(0);
    await advance(1_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the queue", () => {
  test("does not spin for a call that lacks next to nothing", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000 } });
    await gate.run(() => {}, { tokens: 980 });
    const call = gate.run(() => "starts", { tokens: 10 + 5e-7 });
    await advance(40);
    await expect(call).resolves.toBe("starts");
  });

  test("is first come, first served, with calls of all costs, and with gaps where calls gave up", async () => {
    const gate = new Gate({ rate: { requests: 200, tokens: 1_000, per: 1_000, burst: 100 } });
    const order: number[] = [];
    const own = Array.from({ length: 60 }, () => new AbortController());
    const calls = own.map(({ signal }, i) =>
      gate
        .run(() => order.push(i), { signal, tokens: (i * 37) % 150 })
        .catch((error: unknown) => expect(error).toBe(i)),
    );
    await advance(50);
    const gone = [20, 21, 35, 59];
    for (const i of gone) own[i]?.abort(i);
    await advance(6_000);
    await Promise.all(calls);
    expect(order).toEqual(own.map((_, i) => i).filter((i) => !gone.includes(i)));
  });

  test("lets no later call overtake, although there are permits for the cheaper call", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 100 } });
    const order: string[] = [];
    const dear = gate.run(() => order.push("dear"), { tokens: 500 });
    await advance(10);
    const cheap = gate.run(() => order.push("cheap"), { tokens: 1 });
    await advance(600);
    await Promise.all([dear, cheap]);
    expect(order).toEqual(["dear", "cheap"]);
  });

  test("a charge that gives tokens back lets the next call go at the next refill", async () => {
    const gate = new Gate({ rate: { tokens: 60, per: 60_000, burst: 60_000 } });
    const zero = performance.now();
    let giveBack: (tokens: number) => void = () => {};
    const holder = gate.run(
      ({ charge }) => {
        giveBack = charge;
        return new Promise((resolve) => setTimeout(resolve, 500));
      },
      { tokens: 50 },
    );
    let started = 0;
    const next = gate.run(
      () => {
        started = performance.now() - zero;
      },
      { tokens: 30 },
    );
    await advance(200);
    expect(started).toBe(0);
    giveBack(0);
    await advance(400);
    await Promise.all([holder, next]);
    expect(started).toBeGreaterThanOrEqual(200);
    expect(started).toBeLessThanOrEqual(260);
  });

  test("a charge above what was reserved makes those behind wait for the debt", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 1_000, burst: 100 } });
    const zero = performance.now();
    const starts: number[] = [];
    await gate.run(({ charge }) => charge(500), { tokens: 10 });
    const next = gate.run(() => starts.push(performance.now() - zero), { tokens: 1 });
    await advance(500);
    await next;
    expect(starts[0]).toBeGreaterThanOrEqual(402 / 0.99); // 99 − 500, and one more
    expect(starts[0]).toBeLessThanOrEqual(402 / 0.99 + 40);
  });
});
