// Random programs at one gate, with an observer that keeps its own count: never over a limit, every window within the
// bound, nothing lost, everything released.
import fc from "fast-check";
import { Gate, type GateContext } from "sluice";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { sleep, untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { sized } from "../support/size.js";
import { brokenWindow, type Spent } from "../support/windows.js";

beforeEach(() => {
  useFakeClock();
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
  useRealClock();
});

/** What a call does once it has started. */
interface Call {
  readonly at: number;
  readonly tokens: number;
  readonly takes: number;
  readonly sync: boolean;
  readonly abortAfter: number | null;
  /** How its first tries end. */
  readonly tries: readonly (
    | "rate"
    | "unnamed"
    | "zero"
    | "overload"
    | "too long"
    | "exhausted"
    | "own"
    | "failure"
  )[];
  readonly charges: readonly number[];
  /** Calls that it makes inside itself: with its context, or without, after it has ended. */
  readonly nested: readonly { readonly takes: number; readonly tokens: number; readonly withCtx: boolean }[];
}

const call = fc.record<Call>({
  at: fc.oneof(fc.constant(0), fc.nat(50), fc.nat(3_000)),
  tokens: fc.oneof(fc.constant(0), fc.nat(10), fc.nat(60)),
  takes: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(2_000)),
  sync: fc.boolean(),
  abortAfter: fc.option(fc.nat(2_000), { freq: 4 }),
  tries: fc.oneof(
    { arbitrary: fc.constant([]), weight: 4 },
    fc.array(
      fc.constantFrom("rate", "unnamed", "zero", "overload", "too long", "exhausted", "own", "failure"),
      { minLength: 1, maxLength: 3 },
    ),
  ),
  charges: fc.array(fc.oneof(fc.nat(80), fc.constantFrom(-1, Number.NaN)), { maxLength: 2 }),
  nested: fc.oneof(
    { arbitrary: fc.constant([]), weight: 3 },
    fc.array(fc.record({ takes: fc.nat(30), tokens: fc.nat(5), withCtx: fc.boolean() }), { maxLength: 2 }),
  ),
});
const program = fc.record({
  slots: fc.option(fc.integer({ min: 1, max: 4 })),
  rate: fc.option(
    fc.record({
      requests: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
      tokens: fc.integer({ min: 60, max: 2_000 }),
      per: fc.oneof(fc.constantFrom(1, 60_000, 86_400_000), fc.integer({ min: 10, max: 5_000 })),
      burst: fc.option(fc.integer({ min: 1, max: 4_000 }), { nil: undefined }),
    }),
  ),
  brokenRetryAfter: fc.boolean(),
  calls: fc.array(call, { minLength: 1, maxLength: 12 }),
});

const named = (status: number, headers: Record<string, string>) =>
  Object.assign(new Error(String(status)), { status, headers });
const errors = {
  rate: () => named(429, { "retry-after-ms": "120" }),
  unnamed: () => named(429, {}),
  zero: () => named(429, { "retry-after": "0" }),
  overload: () => named(503, { "retry-after": "1" }),
  "too long": () => named(429, { "retry-after": "4000" }),
  exhausted: () => Object.assign(named(429, {}), { code: "insufficient_quota" }),
  own: () => new Error("own"),
  failure: () => new Error("failure"),
};

class Observer {
  readonly spent: Spent[] = [];
  running = 0;
  peak = 0;
  ended = 0;

  enter(tokens: number): void {
    this.spent.push({ at: performance.now(), requests: 1, tokens });
    this.peak = Math.max(this.peak, ++this.running);
  }

  /** Charges what the plan says; a wrong amount throws. */
  charge({ tokens, charges }: Call, ctx: GateContext): void {
    let before = tokens;
    let total = 0;
    for (const amount of charges) {
      ctx.charge(amount);
      total += amount;
      this.spent.push({ at: performance.now(), requests: 0, tokens: total - before, isCharge: true });
      before = total;
    }
  }
}

/** Makes one call, with what is nested in it. */
async function make(gate: Gate, plan: Call, observer: Observer): Promise<void> {
  await sleep(plan.at);
  const own = new AbortController();
  if (plan.abortAfter !== null) setTimeout(() => own.abort(), plan.abortAfter);
  let tries = 0;
  const later: (() => Promise<unknown>)[] = [];
  const work = async (ctx: GateContext) => {
    if (own.signal.aborted) throw new Error("started after an abort");
    observer.enter(plan.tokens);
    if (plan.takes > 0) await sleep(plan.takes);
    observer.running--; // while nested calls run it does nothing itself
    if (!own.signal.aborted) observer.charge(plan, ctx);
    for (const { takes, tokens, withCtx } of plan.nested) {
      const nested = () =>
        gate.run(() => inner(observer, tokens, takes), { tokens, ctx: withCtx ? ctx : undefined });
      if (withCtx) await nested();
      else if (tries === 0) later.push(nested);
    }
    const end = plan.tries[tries++];
    if (end !== undefined) throw errors[end]();
  };
  const sync = () => {
    observer.enter(plan.tokens);
    observer.running--;
    const end = plan.tries[tries++];
    if (end !== undefined) throw errors[end]();
  };
  await gate.run(plan.sync ? sync : work, { tokens: plan.tokens, signal: own.signal }).catch(() => {});
  observer.ended++;
  for (const nested of later) await nested().catch(() => {});
}

async function inner(observer: Observer, tokens: number, takes: number): Promise<void> {
  observer.enter(tokens);
  await sleep(takes);
  observer.running--;
}

test(
  `${sized(6_000, 300, 30_000)} random programs keep every promise of a gate`,
  async () => {
    await fc.assert(
      fc.asyncProperty(program, async ({ slots, rate, brokenRetryAfter, calls }) => {
        const retryAfter = (error: unknown) => {
          if ((error as Error).message !== "own") return undefined;
          if (brokenRetryAfter) throw new Error("broken");
          return 40;
        };
        const gate = new Gate({ concurrency: slots ?? undefined, rate: rate ?? undefined, retryAfter });
        const observer = new Observer();
        const most = rate?.tokens ?? 0;
        const plans = calls.map((each) => ({ ...each, tokens: Math.min(each.tokens, most) }));
        await untilDone(Promise.all(plans.map((each) => make(gate, each, observer))));
        // Abandoned work still runs for a while, and keeps its slot.
        await untilDone(sleep(10_000));
        expect(observer.ended).toBe(plans.length);
        expect(observer.running).toBe(0);
        if (slots !== null) expect(observer.peak).toBeLessThanOrEqual(slots);
        const dearest = Math.max(...plans.map(({ tokens }) => tokens));
        if (rate !== null) expect(brokenWindow(observer.spent, rate, 0, dearest)).toBeUndefined();
        expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
        const free = Array.from({ length: slots ?? 3 }, () => gate.run(() => sleep(1)));
        await untilDone(Promise.all(free));
        expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
      }),
      { numRuns: sized(6_000, 300, 30_000), seed: 20260105, endOnFailure: false },
    );
  },
  sized(600_000, 60_000, 3_600_000),
);
