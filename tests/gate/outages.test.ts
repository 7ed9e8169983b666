// A gate in an outage of its vendor, simulated in fake time: storms of refusals, and vendors that fail now and then.
import { Gate } from "sluice";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sleep, turn, untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { sized } from "../support/size.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

/** A generator of numbers from 0 to 1, the same in every run (Lehmer 1951). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const refusal = (status: number, headers: Record<string, string> = {}) =>
  Object.assign(new Error(String(status)), { status, headers });

describe("a storm of refusals", () => {
  test.each([
    ["that name a second", { "retry-after": "1" }],
    ["that name nothing", {}],
    ["that name 0", { "retry-after": "0" }],
  ])(
    "%s: 500 callers get their answer, a third abort, and under a tenth of today's calls are refused",
    async (_, headers) => {
      const gate = new Gate({ concurrency: 50 });
      const random = randomOf(7);
      const zero = performance.now();
      let refused = 0;
      let answered = 0;
      let gaveUp = 0;
      const call = async (i: number) => {
        await sleep(random() * 5_000);
        const own = new AbortController();
        if (i % 3 === 0) setTimeout(() => own.abort(), 2_000 + random() * 20_000);
        const work = async () => {
          await sleep(100);
          if (performance.now() - zero >= 30_000) return;
          refused++;
          throw refusal(429, headers);
        };
        await gate.run(work, { signal: own.signal }).then(
          () => answered++,
          (error: unknown) => {
            if (!own.signal.aborted) throw error;
            gaveUp++;
          },
        );
      };
      await untilDone(Promise.all(Array.from({ length: 500 }, (_, i) => call(i))));
      // A gate without a slow start sends all its 50 slots once a second: 1,500 calls.
      console.log(
        `storm: ${refused} refused, ${answered} answered, ${gaveUp} gave up, ${Math.round((performance.now() - zero) / 1_000)} s`,
      );
      expect(refused).toBeLessThan(150);
      expect(answered + gaveUp).toBe(500);
      expect(gaveUp).toBeLessThanOrEqual(167);
      expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
    },
  );

  test("after one pause half of what ran goes, then twice as many each time", async () => {
    const gate = new Gate();
    const starts: number[] = [];
    const zero = performance.now();
    let refusing = true;
    const calls = Array.from({ length: 64 }, () =>
      gate.run(async () => {
        starts.push(performance.now() - zero);
        await sleep(100);
        if (refusing) throw refusal(429, { "retry-after-ms": "1000" });
      }),
    );
    setTimeout(() => (refusing = false), 150);
    await untilDone(Promise.all(calls));
    const startsAt = (from: number) => starts.filter((at) => at >= from && at < from + 60).length;
    expect(startsAt(0)).toBe(64);
    expect(startsAt(1_100)).toBe(32);
    expect(starts).toHaveLength(128);
  });

  test("after two pauses in a row one goes alone", async () => {
    const gate = new Gate();
    const starts: number[] = [];
    const zero = performance.now();
    const calls = Array.from({ length: 16 }, () =>
      gate.run(async () => {
        const at = performance.now() - zero;
        starts.push(at);
        await sleep(10);
        if (at < 1_500) throw refusal(429, { "retry-after-ms": "1000" });
      }),
    );
    await untilDone(Promise.all(calls));
    const later = starts.filter((at) => at > 1_500);
    expect(starts.filter((at) => at < 1_500)).toHaveLength(16 + 8);
    expect(later.filter((at) => at < (later[0] as number) + 5)).toHaveLength(1);
    expect(later.filter((at) => at < (later[0] as number) + 15)).toHaveLength(3);
  });

  test("a call of many seconds counts as let through after one of them", async () => {
    const gate = new Gate();
    const starts: number[] = [];
    const zero = performance.now();
    const calls = Array.from({ length: 8 }, () =>
      gate.run(async () => {
        const at = performance.now() - zero;
        starts.push(at);
        if (at < 500) throw refusal(429, { "retry-after-ms": "500" });
        await sleep(20_000);
      }),
    );
    await untilDone(Promise.all(calls));
    expect(Math.max(...starts)).toBeLessThan(5_000);
  });
});

describe("a vendor that answers some calls with 503", () => {
  /** Calls that had a result in each second, over so many seconds, with as many callers as slots. */
  async function throughput(
    share: number,
    wait: string | undefined,
    duration: number,
    slots: number,
    treat: boolean,
  ) {
    const gate = new Gate({ concurrency: slots, ...(treat ? {} : { retryAfter: () => false }) });
    const random = randomOf(slots + duration);
    const zero = performance.now();
    const length = sized(400_000, 80_000);
    let done = 0;
    const caller = async () => {
      while (performance.now() - zero < length) {
        const work = async () => {
          if (random() < share) {
            await sleep(50);
            throw refusal(503, wait === undefined ? {} : { "retry-after": wait });
          }
          await sleep(duration * (0.5 + random()));
        };
        await gate.run(work).then(
          () => done++,
          () => {},
        );
      }
    };
    // More callers than slots, as there are where a gate is of use.
    await untilDone(Promise.all(Array.from({ length: slots * 1.5 }, caller)));
    return done / ((performance.now() - zero) / 1_000);
  }

  test.each(
    [0.002, 0.01, 0.03].flatMap((share) =>
      [
        [2_000, 32],
        [5_000, sized(200, 48)],
      ].map(([duration, slots]) => [share, duration as number, slots as number] as const),
    ),
  )(
    "%d of calls of %i ms at %i slots: at least 0.95 of a gate that takes them for failures",
    async (share, duration, slots) => {
      for (const wait of [undefined, "2"]) {
        const plain = await throughput(share, wait, duration, slots, false);
        const own = await throughput(share, wait, duration, slots, true);
        expect(own / plain).toBeGreaterThanOrEqual(0.95);
      }
    },
    60_000,
  );

  test("pauses once 5 of the last 20 answers were such", async () => {
    const gate = new Gate({ concurrency: 1 });
    let calls = 0;
    const failing = (times: number) =>
      Array.from({ length: times }, () =>
        gate.run(() => {
          if (calls++ < times) throw refusal(503, { "retry-after": "30" });
        }),
      );
    const five = failing(5);
    await turn();
    expect(gate.stats().pausedUntil).toBeDefined();
    expect(gate.stats().refused).toBe(5);
    await untilDone(Promise.all(five));
  });

  test("a single one holds back its own call alone, is no attempt and keeps its place", async () => {
    const gate = new Gate({ concurrency: 1 });
    const order: string[] = [];
    let refused = false;
    const first = gate.run(() => {
      order.push("first");
      if (refused) return;
      refused = true;
      throw refusal(503, { "retry-after": "1" });
    });
    const others = [1, 2, 3, 4].map((i) =>
      gate.run(async () => {
        order.push(String(i));
        await sleep(400);
      }),
    );
    expect(gate.stats().pausedUntil).toBeUndefined();
    await untilDone(Promise.all([first, ...others]));
    expect(order).toEqual(["first", "1", "2", "3", "first", "4"]);
  });
});
