// A gate set to a vendor's own rate: calls end about as soon as the vendor allows, and none is refused.
import { AsyncParallelBatchNode, Flow, Gate } from "sluice";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sleep } from "../support/fake-clock.js";
import { withLag } from "../support/lag.js";
import { isFull } from "../support/size.js";

interface Limits {
  /** Per second. */
  readonly requests: number;
  readonly tokens?: number;
  /** What may be saved up, in ms of rate. */
  readonly burst: number;
}
interface Call {
  readonly takes: number;
  readonly tokens: number;
}

/** A token bucket that starts full. */
class Bucket {
  level: number;
  readonly perMs: number;
  readonly capacity: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.perMs = perSecond / 1_000;
    this.capacity = this.perMs * burst;
    this.level = this.capacity;
    this.#at = now;
  }

  /** How many ms are missing until this much can be had. */
  missing(amount: number, now: number): number {
    this.level = Math.min(this.capacity, this.level + (now - this.#at) * this.perMs);
    this.#at = now;
    const short = amount - this.level;
    return short <= 1e-9 ? 0 : short / this.perMs;
  }
}

/** Answers calls within its limits, and others with a 429 that says when to come again. */
class Vendor {
  refused = 0;
  readonly #requests: Bucket;
  readonly #tokens: Bucket | undefined;

  constructor({ requests, tokens, burst }: Limits, now: number) {
    this.#requests = new Bucket(requests, burst, now);
    if (tokens !== undefined) this.#tokens = new Bucket(tokens, burst, now);
  }

  /** The time until which a call would have to wait; with none, the call is counted. */
  admit({ tokens }: Call, now: number): number {
    const wait = Math.max(this.#requests.missing(1, now), this.#tokens?.missing(tokens, now) ?? 0);
    if (wait > 0) return wait;
    this.#requests.level -= 1;
    if (this.#tokens !== undefined) this.#tokens.level -= tokens;
    return 0;
  }

  async call(call: Call): Promise<void> {
    const wait = this.admit(call, performance.now());
    if (wait > 0) {
      this.refused++;
      const headers = new Headers({
        "retry-after": String(Math.ceil(wait / 1_000)),
        "retry-after-ms": `${wait}`,
      });
      throw Object.assign(new Error("429 Too Many Requests"), { status: 429, headers });
    }
    await sleep(call.takes);
  }
}

/** When the last call would end if each were sent the very moment that the vendor allows it, in order. */
function ideal(calls: readonly Call[], limits: Limits): number {
  const vendor = new Vendor(limits, 0);
  let now = 0;
  let end = 0;
  for (const call of calls) {
    for (let wait: number; (wait = vendor.admit(call, now)) > 0; ) now += wait;
    end = Math.max(end, now + call.takes);
  }
  return end;
}

/** The same calls at every run: 20 to 80 ms, and 10 to 490 tokens. */
const callsOf = (length: number): Call[] =>
  Array.from({ length }, (_, i) => ({ takes: 20 + ((i * 7_919) % 61), tokens: 10 + ((i * 104_729) % 481) }));

const figures: string[] = [];
// Code that runs for the first time is slow for some ms: as much as the margin allows in the first second.
beforeAll(() => send("warm", { requests: 1_000, tokens: 500_000, burst: 50 }, callsOf(200)));
afterAll(() => console.log(figures.sort().join("\n")));

/** Sends calls through a gate that is set to the vendor's limits. */
async function send(name: string, limits: Limits, calls: readonly Call[]) {
  const { requests, tokens, burst } = limits;
  const gate = new Gate({ rate: { requests, tokens, per: 1_000, burst } });
  class Calls extends AsyncParallelBatchNode<object, Call, void> {
    override prep() {
      return calls;
    }
    override cost(call: Call) {
      return call.tokens;
    }
    override exec(call: Call) {
      return vendor.call(call);
    }
  }
  const flow = new Flow(new Calls({ name, gate, concurrency: 512 }));
  const zero = performance.now();
  const vendor = new Vendor(limits, zero);
  const { lag } = await withLag(() => flow.run({}));
  return { took: performance.now() - zero, lag, gate, vendor };
}

async function profile(name: string, limits: Limits, length = 1_000): Promise<void> {
  const calls = callsOf(length);
  const best = ideal(calls, limits);
  const { took, lag, gate, vendor } = await send(name, limits, calls);
  figures.push(
    `vendor ${name}: ${took.toFixed(0)} ms, ideal ${best.toFixed(0)}, ratio ${(took / best).toFixed(4)}, ` +
      `429s ${vendor.refused}, longest stall ${lag.toFixed(1)} ms`,
  );
  expect(vendor.refused).toBe(0);
  expect(gate.stats()).toMatchObject({ started: length, refused: 0, running: 0, waiting: 0 });
  expect(took).toBeGreaterThanOrEqual(best);
  expect(took).toBeLessThanOrEqual(best * 1.03 + lag);
}

describe.concurrent("1,000 calls end within 3 % of the ideal time with no 429", () => {
  test("200 a second with a small burst of 20", () =>
    profile("200/s burst 20", { requests: 200, burst: 100 }));
  test("200 a second with a large burst of 200", () =>
    profile("200/s burst 200", { requests: 200, burst: 1_000 }));
  test("with a second bucket of weighted tokens that binds", () =>
    profile("500/s, 50,000 tokens/s, burst 500", { requests: 500, tokens: 50_000, burst: 1_000 }));
});

test.runIf(isFull)("8,000 calls at 2,000 a second with a burst of 200, too", () =>
  profile("2,000/s burst 200", { requests: 2_000, burst: 100 }, 8_000),
);
