// concurrency: { start, min, max } against simulated vendors, in fake time.
import { Gate } from "sluice";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sleep, untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

const ROUND = 500;

test("a capacity of 8, then 64, then 4 is found within 15 and 6 rounds, with few refusals and 0.8 of the throughput", async () => {
  const capacities = [8, 64, 4];
  const gate = new Gate({ concurrency: { start: 8, min: 1, max: 256 } });
  const zero = performance.now();
  const end = capacities.length * 100 * ROUND;
  const capacity = () =>
    capacities[Math.min(2, Math.floor((performance.now() - zero) / (100 * ROUND)))] as number;
  let running = 0;
  let answered = 0;
  const seen: { at: number; refused: boolean }[] = [];
  const server = async () => {
    const at = (performance.now() - zero) / ROUND;
    if (running >= capacity()) {
      seen.push({ at, refused: true });
      await sleep(5);
      throw Object.assign(new Error("429"), { status: 429, headers: { "retry-after-ms": String(ROUND) } });
    }
    seen.push({ at, refused: false });
    running++;
    await sleep(ROUND);
    running--;
    answered++;
  };
  const limits: { at: number; limit: number }[] = [];
  const watch = async () => {
    for (; performance.now() - zero < end; await sleep(ROUND)) {
      limits.push({ at: (performance.now() - zero) / ROUND, limit: gate.stats().limit });
    }
  };
  const caller = async () => {
    while (performance.now() - zero < end) await gate.run(server).catch(() => {});
  };
  await untilDone(Promise.all([watch(), ...Array.from({ length: 100 }, caller)]));
  const firstWithin = (from: number, wanted: number) =>
    (limits.find(({ at, limit }) => at >= from && Math.abs(limit - wanted) <= wanted * 0.2)?.at ?? 1e9) -
    from;
  const share = (from: number, to: number) => {
    const part = seen.filter(({ at }) => at >= from && at < to);
    return part.filter(({ refused }) => refused).length / part.length;
  };
  const rise = firstWithin(100, 64);
  const fall = firstWithin(200, 4);
  const best = (8 + 64 + 4) * 100;
  const refusedAfter = [share(100 + rise, 200), share(200 + fall + 2, 300)];
  console.log(
    `adaptive: rise ${rise.toFixed(1)}, fall ${fall.toFixed(1)} rounds, refused ${refusedAfter.map((each) => (each * 100).toFixed(2)).join(", ")} %, throughput ${(answered / best).toFixed(3)}`,
  );
  expect(rise).toBeLessThanOrEqual(15);
  expect(fall).toBeLessThanOrEqual(6);
  for (const each of refusedAfter) expect(each).toBeLessThan(0.03);
  expect(answered / best).toBeGreaterThanOrEqual(0.8);
}, 60_000);

test.each([
  [{ start: 0 }],
  [{ start: 2, min: 3 }],
  [{ start: 5, max: 4 }],
  [{ min: 1 }],
  [{ start: 1, most: 2 }],
])("%j is refused", (concurrency) => {
  expect(() => new Gate({ concurrency: concurrency as never })).toThrow(/concurrency/);
});

test("the limit stays from min to max", async () => {
  const gate = new Gate({ concurrency: { start: 3, min: 2, max: 3 } });
  let refusals = 6;
  const calls = Array.from({ length: 40 }, () =>
    gate.run(async () => {
      await sleep(10);
      if (refusals-- > 0)
        throw Object.assign(new Error("429"), { status: 429, headers: { "retry-after-ms": "10" } });
    }),
  );
  const limits = new Set<number>();
  const watch = setInterval(() => limits.add(gate.stats().limit), 5);
  await untilDone(Promise.all(calls));
  clearInterval(watch);
  expect([...limits].sort()).toEqual([2, 3]);
});
