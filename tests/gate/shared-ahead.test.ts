// Permits of a shared limit that are requested before calls wait for them. On a fake clock, with a place in memory.
import { Gate, type GateOptions } from "sluice";
import { afterEach, beforeEach, expect, test } from "vitest";
import { advance, sleep, untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { MemoryLimit, MemoryPlace } from "../support/memory-limit.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

/** A limit whose replies take some ms. */
class FarLimit extends MemoryLimit {
  replies = 0;
  readonly #ms: number;

  constructor(place: MemoryPlace, ms: number) {
    super(place);
    this.#ms = ms;
  }

  override async exchange(...request: Parameters<MemoryLimit["exchange"]>) {
    const reply = await super.exchange(...request);
    await sleep(this.#ms);
    this.replies++;
    return reply;
  }
}

/** A gate whose limit has all that it can save up, and has granted one call. */
async function filled(options: GateOptions, ms = 1) {
  const place = new MemoryPlace();
  const limit = new FarLimit(place, ms);
  const gate = new Gate({ ...options, shared: limit });
  await untilDone(gate.run(() => {}));
  await advance(5_000);
  limit.requests.splice(0);
  limit.replies = 0;
  return { gate, limit, place };
}

/** Callers that start one call of 20 ms after another. Gives the calls that waited for a reply. */
async function callers(gate: Gate, limit: FarLimit, count: number, calls: number): Promise<number> {
  let waited = 0;
  const caller = async () => {
    for (let at = 0; at < calls; at++) {
      const before = limit.replies;
      await gate.run(() => {
        if (limit.replies > before) waited++;
        return sleep(20);
      });
    }
  };
  await untilDone(Promise.all(Array.from({ length: count }, caller)));
  return waited;
}

test("where the limit does not bind, only the first calls wait for a reply", async () => {
  const { gate, limit } = await filled({ concurrency: 64, rate: { requests: 1_000_000, per: 1_000 } }, 4);
  expect(await callers(gate, limit, 32, 50)).toBe(32);
  expect(limit.replies).toBeLessThan(50);
});

test("so it is where the limit has slots alone", async () => {
  const { gate, limit } = await filled({ concurrency: 64 }, 4);
  expect(await callers(gate, limit, 32, 50)).toBe(32);
});

test("where slots bind, each is in use again at once", async () => {
  const { gate, limit } = await filled({ concurrency: 8, rate: { requests: 1_000_000, per: 1_000 } }, 4);
  const began = performance.now();
  await callers(gate, limit, 32, 20);
  expect(performance.now() - began).toBeLessThanOrEqual((32 * 20 * 20) / 8 + 30);
});

test("the first request is for the calls that wait; the next ones, for as many as have started", async () => {
  const { gate, limit } = await filled({ rate: { tokens: 1_000_000, per: 1_000 } });
  await untilDone(Promise.all([gate.run(() => {}, { tokens: 5 }), gate.run(() => {}, { tokens: 7 })]));
  await advance(20);
  expect(limit.requests.map(({ calls }) => calls)).toEqual([
    [5, 7],
    [6, 6],
  ]);
});

test("where the rate binds, none are requested in advance", async () => {
  const { gate, limit } = await filled({ rate: { requests: 100, per: 1_000, burst: 200 } });
  let waiting = 0;
  const exchange = limit.exchange.bind(limit);
  const beyond: number[] = [];
  limit.exchange = (request) => {
    beyond.push(request.calls.length - waiting);
    return exchange(request);
  };
  const calls = Array.from({ length: 60 }, () => gate.run(() => waiting--));
  waiting = calls.length;
  await untilDone(Promise.all(calls));
  expect(beyond.length).toBeGreaterThan(3);
  expect(Math.max(...beyond)).toBe(0);
});

test("permits in advance that no call uses go back within 200 ms", async () => {
  const { gate, limit, place } = await filled({ rate: { requests: 1_000, per: 1_000 } });
  await untilDone(Promise.all(Array.from({ length: 40 }, () => gate.run(() => {}))));
  expect(limit.requests.reduce((sum, { calls }) => sum + calls.length, 0)).toBe(80);
  await advance(200);
  expect(limit.requests.reduce((sum, { back }) => sum + back.requests, 0)).toBe(40);
  expect(place.level.requests).toBeGreaterThan(940);
});

test("permits are kept while calls are few and far between, and none wait", async () => {
  const { gate, limit } = await filled({ rate: { requests: 1_000, per: 1_000 } });
  let waited = 0;
  const work = async () => {
    for (let at = 0; at < 40; at++) {
      const before = limit.replies;
      await gate.run(() => {
        if (limit.replies > before) waited++;
      });
      await sleep(60);
    }
  };
  await untilDone(work());
  expect(waited).toBe(1);
});
