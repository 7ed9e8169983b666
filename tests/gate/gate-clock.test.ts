// The clock of a gate: a wall clock that jumps, time that a test fakes and gives back, and timers without a clock.
import { Gate } from "sluice";
import { afterEach, describe, expect, test, vi } from "vitest";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const real = performance.now.bind(performance);
const within = (work: Promise<unknown>, ms: number) =>
  Promise.race([work.then(() => "done"), new Promise((resolve) => setTimeout(resolve, ms, "hangs"))]);
const refusal = (ms: number) =>
  Object.assign(new Error("429"), { status: 429, headers: { "retry-after-ms": String(ms) } });

describe("a wall clock that", () => {
  test.each([
    ["steps back by an hour", () => (now: number) => now - 3_600_000],
    ["steps ahead by an hour", () => (now: number) => now + 3_600_000],
    ["stands still", (now: number) => () => now],
    [
      "steps back each time",
      () => {
        let steps = 0;
        return (now: number) => now - steps++ * 60_000;
      },
    ],
  ])("%s does not hold up a rate", async (_, make) => {
    const gate = new Gate({ rate: { requests: 200, per: 1_000, burst: 20 } });
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => gate.run(() => 1)));
    const wall = Date.now.bind(Date);
    const fake = make(wall());
    vi.spyOn(Date, "now").mockImplementation(() => fake(wall()));
    const calls = Promise.all(Array.from({ length: 20 }, () => gate.run(() => 1)));
    expect(await within(calls, 15_000)).toBe("done");
  });

  test("steps back while calls wait does not hold them up", async () => {
    const gate = new Gate({ rate: { requests: 100, per: 1_000, burst: 10 } });
    const calls = Promise.all(Array.from({ length: 15 }, () => gate.run(() => 1)));
    await new Promise((resolve) => setTimeout(resolve, 10));
    const wall = Date.now.bind(Date);
    vi.spyOn(Date, "now").mockImplementation(() => wall() - 3_600_000);
    expect(await within(calls, 15_000)).toBe("done");
  });
});

describe("a gate that was used in faked time goes on in real time", () => {
  test("with a rate", async () => {
    const gate = new Gate({ rate: { requests: 500, per: 60_000 } });
    const faked = vi.spyOn(performance, "now").mockImplementation(() => real() + 600_000);
    await gate.run(() => 1);
    faked.mockRestore();
    expect(
      await within(
        gate.run(() => 1),
        15_000,
      ),
    ).toBe("done");
  });

  test("in a pause", async () => {
    const gate = new Gate({ concurrency: 1 });
    vi.useFakeTimers();
    await vi.advanceTimersByTimeAsync(600_000);
    const own = new AbortController();
    const call = gate.run(() => Promise.reject(refusal(200)), { signal: own.signal }).catch(() => {});
    await vi.advanceTimersByTimeAsync(10);
    own.abort();
    await call;
    vi.useRealTimers();
    expect(
      await within(
        gate.run(() => 1),
        15_000,
      ),
    ).toBe("done");
  });

  test("while a call of the faked time still waits", async () => {
    const gate = new Gate({ rate: { requests: 20, per: 1_000, burst: 1 } });
    vi.useFakeTimers();
    await gate.run(() => 1);
    const left = gate.run(() => "left");
    await vi.advanceTimersByTimeAsync(1);
    vi.useRealTimers();
    expect(
      await within(
        gate.run(() => 1),
        2_000,
      ),
    ).toBe("done");
    expect(await within(left, 15_000)).toBe("done");
  });
});

describe("fake time moves a gate", () => {
  test.each([
    ["all that Vitest fakes", {}],
    ["timers and `performance`", { toFake: ["performance", "Date", "setTimeout", "clearTimeout"] as never }],
    ["timers alone", { toFake: ["setTimeout", "clearTimeout"] as never }],
  ])("with %s", async (_, options) => {
    vi.useFakeTimers(options);
    const gate = new Gate({ rate: { requests: 1, per: 60_000, burst: 1 } });
    await gate.run(() => 1);
    const second = gate.run(() => "second");
    await vi.advanceTimersByTimeAsync(62_000);
    await expect(second).resolves.toBe("second");
    let tries = 0;
    const patient = new Gate();
    const refused = patient.run(() => {
      if (tries++ === 0) throw refusal(30_000);
    });
    await vi.advanceTimersByTimeAsync(31_000);
    await refused;
    expect(tries).toBe(2);
  });
});

test("timers that are set late in a blocked turn, and so fire early, do not move the clock", async () => {
  const gate = new Gate({ rate: { requests: 100, per: 1_000, burst: 50 } });
  const starts: number[] = [];
  const zero = performance.now();
  const rounds = Array.from({ length: 30 }, () =>
    gate.run(() => {
      starts.push(performance.now());
      for (const end = performance.now() + 12; performance.now() < end; );
    }),
  );
  await Promise.all(rounds);
  const [last] = starts.slice(-1);
  expect((last as number) - zero).toBeGreaterThanOrEqual((30 - 5 - 1) * 10);
});

test("the window promise holds when a call that was granted blocks", async () => {
  const gate = new Gate({ rate: { requests: 100, per: 1_000, burst: 100 } });
  const starts: number[] = [];
  const block = (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end; );
  };
  const calls = Promise.all(
    Array.from({ length: 45 }, (_, i) =>
      gate.run(async () => {
        starts.push(performance.now());
        if (i === 12 || i === 22) block(200);
      }),
    ),
  );
  await new Promise((resolve) => setTimeout(resolve, 25));
  block(200);
  await calls;
  for (const [first, from] of starts.entries()) {
    for (let last = first; last < starts.length; last++) {
      const t = (starts[last] as number) - from;
      expect(last - first + 1).toBeLessThanOrEqual(10 + t / 10 + 1e-6);
    }
  }
});
