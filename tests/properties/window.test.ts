// In any window of t ms a gate starts at most max(burst × rate, the largest single cost) + t × rate, however
// calls arrive, cost, fail, are charged, refused and aborted. On a fake clock.
import fc from "fast-check";
import { Gate, node, type Rate } from "sluice";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sleep, untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { sized } from "../support/size.js";
import { brokenWindow, type Spent } from "../support/windows.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

const rate = fc
  .record({
    requests: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    tokens: fc.option(fc.integer({ min: 10, max: 10_000 }), { nil: undefined }),
    per: fc.integer({ min: 100, max: 5_000 }),
    burst: fc.option(fc.integer({ min: 1, max: 4_000 }), { nil: undefined }),
  })
  .filter(({ requests, tokens }) => requests !== undefined || tokens !== undefined)
  // Slower than 2 a second would only make the test long.
  .map((rate) => ({
    ...rate,
    requests: rate.requests && Math.max(rate.requests, Math.ceil(rate.per / 500)),
  }));

interface Call {
  /** When it comes, in ms. */
  readonly at: number;
  /** Its tokens, as a share of what a whole period brings. */
  readonly cost: number;
  readonly takes: number;
  /** Real tokens, as a multiple of those reserved. */
  readonly charges: readonly number[];
  readonly abortAfter: number | null;
  readonly refusals: readonly number[];
  readonly who: number;
}
const arrival = fc.oneof(fc.constant(0), fc.nat(200), fc.nat(5_000));
const call = fc.record<Call>({
  at: arrival,
  cost: fc.oneof(
    { arbitrary: fc.double({ min: 0, max: 0.1, noNaN: true }), weight: 5 },
    fc.constant(0),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  takes: fc.oneof(fc.constant(0), fc.nat(300)),
  charges: fc.oneof(
    { arbitrary: fc.constant([]), weight: 3 },
    fc.array(fc.double({ min: 0, max: 1.5, noNaN: true }), { maxLength: 2 }),
  ),
  abortAfter: fc.option(fc.nat(1_000), { freq: 4 }),
  refusals: fc.oneof(
    { arbitrary: fc.constant([]), weight: 9 },
    fc.array(fc.nat(400), { minLength: 1, maxLength: 2 }),
  ),
  who: fc.nat(2),
});
const calls = fc.array(call, { minLength: 2, maxLength: 40, size: "max" });

const tokensOf = ({ cost }: Call, { tokens }: Rate) => Math.floor(cost * (tokens ?? 0));

test("every window of starts keeps the promise, whatever comes, and every call gets its turn", async () => {
  let starts = 0;
  await fc.assert(
    fc.asyncProperty(rate, fc.option(fc.integer({ min: 1, max: 5 })), calls, async (rate, slots, calls) => {
      const gate = new Gate({ rate, concurrency: slots ?? undefined });
      const spent: Spent[] = [];
      const pauses: { readonly from: number; readonly to: number }[] = [];
      const lateStarts: number[] = [];
      const make = async (call: Call) => {
        await sleep(call.at);
        const tokens = tokensOf(call, rate);
        const own = new AbortController();
        if (call.abortAfter !== null) setTimeout(() => own.abort(), call.abortAfter);
        let refused = 0;
        const work = async ({ charge }: { charge: (tokens: number) => void }) => {
          if (own.signal.aborted) lateStarts.push(performance.now());
          spent.push({ at: performance.now(), requests: 1, tokens });
          await sleep(call.takes);
          let before = tokens;
          let total = 0;
          for (const share of own.signal.aborted ? [] : call.charges) {
            total += share * tokens;
            charge(share * tokens);
            spent.push({ at: performance.now(), requests: 0, tokens: total - before, isCharge: true });
            before = total;
          }
          const pause = call.refusals[refused++];
          if (pause === undefined || own.signal.aborted) return;
          pauses.push({ from: performance.now(), to: performance.now() + pause });
          throw Object.assign(new Error("429"), { status: 429, headers: { "retry-after-ms": pause } });
        };
        await gate.run(work, { tokens, signal: own.signal }).catch((error: unknown) => {
          if (!own.signal.aborted) throw error;
        });
      };
      await untilDone(Promise.all(calls.map(make)));
      starts += spent.length;
      expect(brokenWindow(spent, rate)).toBeUndefined();
      expect(lateStarts).toEqual([]);
      for (const { from, to } of pauses) {
        expect(spent.filter(({ at, isCharge }) => !isCharge && at > from && at < to)).toEqual([]);
      }
    }),
    { numRuns: sized(300), seed: 20260102 },
  );
  expect(starts).toBeGreaterThan(sized(3_000));
}, 60_000);

test("two gates on one node: every window of the shared gate and of each private rate keeps its promise", async () => {
  await fc.assert(
    fc.asyncProperty(rate, fc.tuple(rate, rate, rate), calls, async (shared, owns, calls) => {
      const gate = new Gate({ rate: shared });
      const spent: Spent[] = [];
      const own = owns.map(() => [] as Spent[]);
      const nodes = owns.map((rate, who) =>
        node({
          gate,
          rate,
          prep: (call: Call) => call,
          cost: (call) => Math.min(tokensOf(call, shared), tokensOf(call, rate)),
          exec: (call) => {
            const tokens = Math.min(tokensOf(call, shared), tokensOf(call, rate));
            const start = { at: performance.now(), requests: 1, tokens };
            spent.push(start);
            own[who]!.push(start);
            return sleep(call.takes);
          },
        }),
      );
      const make = async (call: Call) => {
        await sleep(call.at);
        const { signal, abort } = controller();
        if (call.abortAfter !== null) setTimeout(abort, call.abortAfter);
        await nodes[call.who]!.run(call, { signal }).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      };
      await untilDone(Promise.all(calls.map(make)));
      expect(brokenWindow(spent, shared), "the shared gate").toBeUndefined();
      for (const [who, starts] of own.entries()) expect(brokenWindow(starts, owns[who]!)).toBeUndefined();
    }),
    { numRuns: sized(200), seed: 20260103, endOnFailure: true },
  );
}, 60_000);

/** How long calls that all come at 0 take in order, if each starts the very moment that both buckets allow it. */
function ideal(costs: readonly number[], { requests, tokens, per, burst = 1_000 }: Rate): number {
  const buckets = [
    { perMs: (requests ?? 1e15) / per, costs: costs.map(() => 1) },
    { perMs: (tokens ?? 1e15) / per, costs },
  ].map((bucket) => ({ ...bucket, level: bucket.perMs * burst }));
  let now = 0;
  for (const i of costs.keys()) {
    const waits = buckets.map(({ level, costs, perMs }) => Math.max(0, (costs[i]! - level) / perMs));
    const wait = Math.max(...waits);
    now += wait;
    for (const bucket of buckets) {
      const cost = bucket.costs[i]!;
      const { perMs, level } = bucket;
      bucket.level = Math.min(Math.max(perMs * burst, cost), level + wait * perMs) - cost;
    }
  }
  return now;
}

test("the promise costs little: calls that all come at once end within 2 % of the ideal and two leases", async () => {
  let waited = 0;
  // What a lease brings beyond a bucket is lost: so both must hold more than one call and a lease of 50 ms.
  const roomy = rate.filter(({ requests, per, burst = 1_000 }) => {
    return burst >= 200 && (requests === undefined || (requests / per) * (burst - 60) >= 2);
  });
  await fc.assert(
    fc.asyncProperty(roomy, calls, async (rate, calls) => {
      const gate = new Gate({ rate });
      const room = ((rate.tokens ?? 0) / rate.per) * ((rate.burst ?? 1_000) - 60);
      const costs = calls.map((call) => Math.min(tokensOf(call, rate), Math.floor(room / 2)));
      const zero = performance.now();
      let last = 0;
      const work = () => {
        last = performance.now() - zero;
      };
      await untilDone(Promise.all(costs.map((tokens) => gate.run(work, { tokens }))));
      const best = ideal(costs, rate);
      if (best > 0) waited++;
      expect(last).toBeLessThanOrEqual(best * 1.0102 + (rate.burst ?? 1_000) * 0.0102 + 110);
      expect(last).toBeGreaterThanOrEqual(best - 1);
    }),
    { numRuns: sized(200), seed: 20260104 },
  );
  expect(waited).toBeGreaterThan(sized(50));
}, 60_000);

function controller() {
  const own = new AbortController();
  return { signal: own.signal, abort: () => own.abort() };
}
