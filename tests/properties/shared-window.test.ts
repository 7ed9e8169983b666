// Gates that share a limit start together at most what one gate would, plus what each was granted in advance and holds
// for 100 ms: however calls come, whether the limit binds or not. On a fake clock, with a place in memory.
import fc from "fast-check";
import { Gate, type Rate } from "sluice";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sleep, untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { MemoryLimit, MemoryPlace } from "../support/memory-limit.js";
import { sized } from "../support/size.js";
import { brokenWindow, type Spent } from "../support/windows.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

const HELD = 100;

const rate = fc.record({
  requests: fc.integer({ min: 20, max: 500 }),
  tokens: fc.option(fc.integer({ min: 1_000, max: 100_000 }), { nil: undefined }),
  per: fc.constant(1_000),
  burst: fc.constantFrom(100, 400, 1_000, 4_000),
});

/** Callers that start one call after another, at some gate, for some time. */
const crowd = fc.record({
  gate: fc.nat(2),
  at: fc.nat(4_000),
  callers: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(150)),
  calls: fc.integer({ min: 1, max: 5 }),
  takes: fc.integer({ min: 1, max: 60 }),
  share: fc.double({ min: 0, max: 0.02, noNaN: true }),
});

/** A limit that has room, so that permits are granted in advance. */
const wide = { requests: 500, tokens: undefined, per: 1_000, burst: 4_000 };
const late = { gate: 0, at: 3_000, callers: 5, calls: 5, takes: 20, share: 0 };

test("the windows of three gates that share a limit keep the promise together", async () => {
  let unused = 0;
  await fc.assert(
    fc.asyncProperty(rate, fc.array(crowd, { minLength: 2, maxLength: 8 }), async (rate: Rate, crowds) => {
      const place = new MemoryPlace();
      const limits = [new MemoryLimit(place), new MemoryLimit(place), new MemoryLimit(place)];
      const gates = limits.map((shared) => new Gate({ rate, shared }));
      const spent: Spent[] = [];
      const join = async ({ gate, at, callers, calls, takes, share }: (typeof crowds)[number]) => {
        await sleep(at);
        const tokens = Math.floor(share * (rate.tokens ?? 0));
        const caller = async () => {
          for (let call = 0; call < calls; call++) {
            const work = () => {
              spent.push({ at: performance.now(), requests: 1, tokens });
              return sleep(takes);
            };
            await gates[gate]?.run(work, { tokens });
          }
        };
        await Promise.all(Array.from({ length: callers }, caller));
      };
      // A few calls now and then, during which permits in advance are kept.
      const trickle = { at: 1_000, callers: 1, calls: 60, takes: 40, share: 0 };
      const trickles = gates.map((_, gate) => ({ ...trickle, gate }));
      await untilDone(Promise.all([...trickles, ...crowds].map(join)));
      await untilDone(Promise.all(limits.map((limit) => limit.close())));
      unused += limits.flatMap(({ requests }) => requests).reduce((sum, { back }) => sum + back.requests, 0);
      expect(brokenWindow(spent, rate, limits.length * HELD)).toBeUndefined();
    }),
    { numRuns: sized(40), seed: 20260103, examples: [[wide, [late, late]]] },
  );
  expect(unused).toBeGreaterThan(0); // some were granted in advance
}, 60_000);
