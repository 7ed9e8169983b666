// The way of a call through its gates, microtask by microtask: what happens between a grant and the start.
import { AsyncParallelBatchNode, type Context, Flow, Gate, node } from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, sleep, turn, useFakeClock, useRealClock } from "../support/fake-clock.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

const MICROTASKS = Array.from({ length: 30 }, (_, i) => i);
const refusal = (ms: number) =>
  Object.assign(new Error("429"), { status: 429, headers: { "retry-after-ms": ms } });

async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}

/** Ways to make one call through a gate. */
const ways: [string, (gate: Gate, call: () => unknown, signal: AbortSignal) => Promise<unknown>][] = [
  ["gate.run", (gate, call, signal) => gate.run(call, { signal })],
  ["a node", (gate, exec, signal) => new Flow(node({ gate, exec })).run({}, { signal })],
  [
    "a node with cost() and a rate of its own",
    (gate, exec, signal) => {
      const rate = { requests: 100, tokens: 100, per: 1_000 };
      return new Flow(node({ gate, rate, cost: () => 1, exec })).run({}, { signal });
    },
  ],
  [
    "a batch",
    (gate, call, signal) => {
      class Items extends AsyncParallelBatchNode<object, number, unknown> {
        override prep() {
          return [1, 2, 3];
        }
        override exec() {
          return call();
        }
      }
      return new Flow(new Items({ gate })).run({}, { signal });
    },
  ],
];

describe.each(ways)("%s", (_, make) => {
  test.each(["slot", "permits", "both"])(
    "never starts after an abort, whatever microtask it falls into once it has its %s",
    async (what) => {
      for (const count of MICROTASKS) {
        const gate = new Gate({
          ...(what === "permits" ? {} : { concurrency: 1 }),
          ...(what === "slot" ? {} : { rate: { requests: 100, per: 1_000, burst: 1 } }),
        });
        let end: () => void = () => {};
        const holder = gate.run(() => new Promise<void>((resolve) => (end = resolve)));
        await turn();
        const own = new AbortController();
        let late = false;
        const call = make(
          gate,
          () => {
            late ||= own.signal.aborted;
          },
          own.signal,
        ).catch((error: unknown) => error);
        await turn();
        end();
        if (what !== "slot") vi.advanceTimersByTime(11);
        await microtasks(count);
        own.abort("stop");
        await advance(60);
        await Promise.all([holder, call]);
        expect(late, `${count} microtasks after the grant`).toBe(false);
        expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
        const next = gate.run(() => "free");
        await advance(100);
        await expect(next).resolves.toBe("free");
      }
    },
  );

  test("never starts in a pause, whatever microtask of a 429 it comes in", async () => {
    for (const options of [{}, { concurrency: 3 }, { rate: { requests: 1_000, per: 1_000 } }]) {
      for (const count of MICROTASKS) {
        const gate = new Gate(options);
        const { signal } = new AbortController();
        let tries = 0;
        const refused = gate.run(() => {
          if (tries++ === 0) throw refusal(20);
        });
        await microtasks(count);
        let paused = false;
        const call = make(
          gate,
          () => {
            paused ||= gate.stats().pausedUntil !== undefined;
          },
          signal,
        );
        await advance(60);
        await Promise.all([refused, call]);
        expect(paused, `${count} microtasks after the start of the one that is refused`).toBe(false);
      }
    }
  });
});

test("a call that waited does not start in a pause, whatever microtask around its grant the 429 of another falls into", async () => {
  for (let refusedAt = 0; refusedAt < 120; refusedAt++) {
    const gate = new Gate({ rate: { requests: 2, per: 1_000 } });
    let refuse: () => void = () => {};
    let tries = 0;
    const refused = gate.run(() =>
      tries++ > 0 ? undefined : new Promise((_, reject) => (refuse = () => reject(refusal(20)))),
    );
    let paused = false;
    const call = gate.run(() => {
      paused ||= gate.stats().pausedUntil !== undefined;
    });
    await turn();
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 1 });
    vi.advanceTimersByTime(500);
    for (let step = 0; step < 120; step++) {
      if (step === refusedAt) refuse();
      await undefined;
      if (step % 20 === 19) vi.advanceTimersByTime(1); // Bottleneck's way to the grant: four hops of 0 ms
    }
    await advance(2_000);
    await Promise.all([refused, call]);
    expect(paused, `refused ${refusedAt} microtasks later`).toBe(false);
  }
});

describe("two gates", () => {
  test("a 429 pauses the shared gate, and not the rate of the node alone", async () => {
    const gate = new Gate();
    const starts: string[] = [];
    let tries = 0;
    const limited = node({
      gate,
      rate: { requests: 1_000, per: 1_000 },
      exec: () => {
        starts.push("limited");
        if (tries++ === 0) throw refusal(100);
      },
    });
    const run = new Flow(limited).run({});
    await turn();
    const other = gate.run(() => starts.push("other"));
    await advance(90);
    expect(starts).toEqual(["limited"]);
    await advance(60);
    await Promise.all([run, other]);
    expect([...starts].sort()).toEqual(["limited", "limited", "other"]);
    expect(gate.stats().refused).toBe(1);
  });

  test("with a private rate alone a 429 pauses that", async () => {
    const starts: number[] = [];
    const alone = node({
      rate: { requests: 1_000, per: 1_000 },
      exec: () => {
        starts.push(performance.now());
        if (starts.length === 1) throw refusal(100);
      },
    });
    const run = new Flow(alone).run({});
    await advance(120);
    await run;
    expect(starts[1]! - starts[0]!).toBeGreaterThanOrEqual(100);
  });

  test("first come, first served holds in the private rate too: a cheap call does not overtake a dear one", async () => {
    const gate = new Gate({ rate: { requests: 100, per: 1_000 } });
    const order: number[] = [];
    const flow = new Flow(
      node({
        gate,
        rate: { tokens: 100, per: 1_000, burst: 100 },
        prep: (tokens: number) => tokens,
        cost: (tokens) => tokens,
        exec: (tokens) => order.push(tokens),
      }),
    );
    const runs = Promise.all([9, 60, 1].map((tokens) => flow.run(tokens)));
    await advance(800);
    await runs;
    expect(order).toEqual([9, 60, 1]);
  });

  test("a call that its own rate holds up lets others of the shared gate pass", async () => {
    const gate = new Gate({ rate: { requests: 100, per: 1_000, burst: 10 } });
    const slow = new Flow(node({ gate, rate: { requests: 1, per: 60_000 }, exec: () => "slow" }));
    await slow.run({});
    const { signal, abort } = controller();
    const held = slow.run({}, { signal }).catch((error: unknown) => error);
    const starts: number[] = [];
    const others = Array.from({ length: 10 }, () => gate.run(() => starts.push(performance.now())));
    await advance(200);
    expect(starts).toHaveLength(10);
    abort("stop");
    expect(await held).toBe("stop");
    await Promise.all(others);
    await turn();
    expect(gate.stats().waiting).toBe(0);
  });

  test.each([
    [2, 20, 15],
    [5, 20, 10],
    [20, 20, 2],
    [50, 100, 1],
  ])(
    "%i nodes that share %i a second, each with a rate of %i, end about as soon as both rates allow",
    async (nodes, shared, own) => {
      const calls = 200 / nodes;
      const gate = new Gate({ rate: { requests: shared, per: 1_000, burst: 100 } });
      const zero = performance.now();
      let last = 0;
      const exec = () => {
        last = performance.now() - zero;
      };
      const rate = { requests: own, per: 1_000, burst: 100 };
      const flows = Array.from({ length: nodes }, () => new Flow(node({ gate, rate, exec })));
      const runs = Promise.all(flows.flatMap((flow) => Array.from({ length: calls }, () => flow.run({}))));
      // Either the shared rate binds, or each node's own after the shared one has let its first call go. First
      // come, first served is not the best order: in the end one node alone may be left, at its own rate.
      const ideal = Math.max(200 / shared, nodes / shared + (calls - 1) / own) * 1_000;
      await advance(Math.ceil(ideal * 1.12 + 100));
      expect(last).toBeGreaterThan(ideal * 0.85);
      await runs;
      expect(last).toBeLessThanOrEqual(ideal * 1.12 + 100);
    },
  );
});

describe("a call that goes again after a 429", () => {
  test("does not start on a slot that a nested call which it left behind still uses", async () => {
    const gate = new Gate({ concurrency: 1 });
    const now: string[] = [];
    const overlaps: string[] = [];
    const during = async (name: string) => {
      if (now.length > 0) overlaps.push(`${name} while ${now}`);
      now.push(name);
      await sleep(50);
      now.splice(now.indexOf(name), 1);
    };
    let tries = 0;
    const flow = new Flow(
      node({
        gate,
        exec: async (_: unknown, ctx: Context) => {
          await during(`try ${tries}`);
          if (tries++ > 0) return;
          void gate.run(() => during("nested"), { ctx });
          throw refusal(5);
        },
      }),
    );
    const run = flow.run({});
    await advance(300);
    await run;
    expect(tries).toBe(2);
    expect(overlaps).toEqual([]);
  });
});

function controller() {
  const own = new AbortController();
  return { signal: own.signal, abort: (reason?: unknown) => own.abort(reason) };
}
