// What waits at a gate, and what it costs: its place, its memory, and the processor's time.
import { setImmediate } from "node:timers/promises";
import { type Around, AsyncParallelBatchNode, Flow, Gate } from "sluice";
import { describe, expect, test, vi } from "vitest";
import { Place, WaitingList } from "../../src/gate/waiting-list.js";
import { sleep, turn } from "../support/fake-clock.js";
import { sized } from "../support/size.js";

const refusal = (ms: number) =>
  Object.assign(new Error("429"), { status: 429, headers: { "retry-after-ms": String(ms) } });
const forever = () => new Promise<never>(() => {});

function heap(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}

/** Calls that wait at a full gate, or at one whose rate is used up. */
const full: [string, () => Gate][] = [
  ["a slot", () => new Gate({ concurrency: 1 })],
  ["permits", () => new Gate({ rate: { requests: 1, per: 86_400_000 } })],
  ["a limit that adapts", () => new Gate({ concurrency: { start: 1 } })],
  ["both", () => new Gate({ concurrency: 1, rate: { requests: 1, per: 86_400_000 } })],
];

describe.each(full)("calls that wait for %s", (_, make) => {
  test("leave at once and for good, whatever other calls wait", async () => {
    const gate = make();
    const stay = new AbortController();
    void gate.run(forever, { signal: stay.signal }).catch(() => {});
    const patient = gate.run(() => 1, { signal: stay.signal }).catch(() => "stayed");
    const rounds = sized(10, 3);
    const each = 1_000;
    const leave = async () => {
      const own = new AbortController();
      const calls = Array.from({ length: each }, () =>
        gate.run(() => 1, { signal: own.signal }).catch(() => {}),
      );
      own.abort();
      await Promise.all(calls);
    };
    await leave();
    const before = heap();
    for (let round = 0; round < rounds; round++) await leave();
    expect((heap() - before) / (rounds * each)).toBeLessThan(200);
    expect(gate.stats().waiting).toBe(1);
    stay.abort();
    await expect(patient).resolves.toBe("stayed");
  });

  test.each([false, true])("hold at most 1.5 kB each (with a signal: %s)", async (signalled) => {
    const gate = make();
    const own = new AbortController();
    const options = signalled ? { signal: own.signal } : {};
    void gate.run(forever, { signal: own.signal }).catch(() => {});
    const count = sized(20_000, 5_000);
    const calls: Promise<unknown>[] = [];
    const before = heap();
    for (let i = 0; i < count; i++) calls.push(gate.run(() => 1, options));
    const held = (heap() - before) / count;
    expect(gate.stats().waiting).toBe(count);
    console.log(`a call that waits: ${held.toFixed(0)} B`);
    expect(held).toBeLessThanOrEqual(1_500);
    for (const call of calls) call.catch(() => {});
    own.abort();
  });
});

describe("many calls refused at once", () => {
  /** Processor time of refusing so many, in us each. */
  async function costOf(count: number, order: "in order" | "backwards" | "mixed"): Promise<number> {
    const gate = new Gate();
    const rejects: ((error: unknown) => void)[] = [];
    let first = true;
    const work = () => (first ? new Promise<void>((_, reject) => rejects.push(reject)) : undefined);
    const calls = Array.from({ length: count }, () => gate.run(work));
    if (order === "backwards") rejects.reverse();
    if (order === "mixed")
      rejects.sort((one, other) => one.toString.length - other.toString.length || Math.random() - 0.5);
    first = false;
    const before = process.cpuUsage();
    for (const reject of rejects) reject(refusal(20));
    await turn();
    const { user } = process.cpuUsage(before);
    await Promise.all(calls);
    expect(gate.stats()).toMatchObject({ refused: count, started: 2 * count, running: 0, waiting: 0 });
    return user / count;
  }

  test.each(["in order", "backwards", "mixed"] as const)(
    "cost the same each, however many they are (%s)",
    async (order) => {
      await costOf(2_000, order); // V8 compiles
      const few = Math.min(await costOf(1_000, order), await costOf(1_000, order));
      const most = sized(16_000, 8_000);
      const many = Math.min(await costOf(most, order), await costOf(most, order));
      console.log(`refused ${order}: ${few.toFixed(1)} us each of 1,000, ${many.toFixed(1)} of ${most}`);
      expect(many).toBeLessThan(Math.max(4 * few, 40));
    },
  );
});

describe("a refused call keeps its place and its slot", () => {
  test("in gate.run", async () => {
    const gate = new Gate({ concurrency: 1 });
    const order: string[] = [];
    let tries = 0;
    const first = gate.run(() => {
      order.push("a");
      if (tries++ === 0) throw refusal(10);
    });
    const rest = [1, 2, 3].map((i) => gate.run(() => order.push(String(i))));
    await Promise.all([first, ...rest]);
    expect(order).toEqual(["a", "a", "1", "2", "3"]);
  });

  test.each([1, 2, 3])("in a batch of %i workers that share it with others", async (workers) => {
    const gate = new Gate({ concurrency: 1 });
    const order: string[] = [];
    let tries = 0;
    class Items extends AsyncParallelBatchNode<object, string, void> {
      override prep() {
        return ["a", "b", "c"];
      }
      override async exec(item: string) {
        order.push(item);
        await turn();
        if (item === "a" && tries++ === 0) throw refusal(10);
      }
    }
    const run = new Flow(new Items({ gate, concurrency: workers })).run({});
    await Promise.resolve();
    const rest = [1, 2, 3].map((i) => gate.run(() => order.push(String(i))));
    await Promise.all([run, ...rest]);
    expect(order.slice(0, 2)).toEqual(["a", "a"]);
    expect(order).toHaveLength(7);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("and no call starts between the refusal and the pause", async () => {
    const gate = new Gate({ concurrency: 2 });
    let refusedAt = 0;
    const early: number[] = [];
    class Items extends AsyncParallelBatchNode<object, number, void> {
      override prep() {
        return [0, 1, 2, 3, 4, 5];
      }
      override async exec() {
        if (refusedAt > 0 && gate.stats().pausedUntil === undefined && gate.stats().refused === 0)
          early.push(1);
        await turn();
        if (refusedAt++ === 0) throw refusal(10);
      }
    }
    await new Flow(new Items({ gate })).run({});
    expect(early).toEqual([]);
  });
});

test("200 gates that wait an hour cost next to nothing", async () => {
  const gates = Array.from({ length: 200 }, () => new Gate({ rate: { requests: 1, per: 3_600_000 } }));
  const own = new AbortController();
  const timers = vi.spyOn(globalThis, "setTimeout");
  for (const gate of gates)
    for (let i = 0; i < 2; i++) void gate.run(() => {}, { signal: own.signal }).catch(() => {});
  const { length } = timers.mock.calls;
  await sleep(200);
  expect(timers.mock.calls.length - length).toBeLessThanOrEqual(1); // the test's own
  timers.mockRestore();
  own.abort();
});

test("stats() is right in the same turn", async () => {
  const gate = new Gate({ concurrency: 5 });
  const calls = [1, 2, 3].map(() => gate.run(() => sleep(5), { tokens: 7 }));
  expect(gate.stats()).toMatchObject({
    running: 3,
    waiting: 0,
    started: 3,
    limit: 5,
    spent: { calls: 3, tokens: 21 },
  });
  await Promise.all(calls);
  expect(gate.stats()).toMatchObject({ running: 0, waiting: 0, started: 3 });
});

describe("a WaitingList", () => {
  const ticketsOf = (list: WaitingList<number>) => {
    const tickets: number[] = [];
    for (let place = list.first; place !== undefined; place = place.next) tickets.push(place.ticket);
    return tickets;
  };

  test("is in the order of tickets, however they come back, and keeps equal ones in the order of arrival", () => {
    const list = new WaitingList<number>();
    const places = [5, 6, 9, 3, 7, 1, 8, 1, -1, 4].map((ticket, at) => new Place(at, ticket));
    for (const place of places) list.add(place);
    expect(ticketsOf(list)).toEqual([-1, 1, 1, 3, 4, 5, 6, 7, 8, 9]);
    expect(list.first?.next?.waiter).toBe(5);
    list.remove(places[5] as Place<number>);
    list.remove(places[2] as Place<number>);
    list.add(new Place(10, 2));
    list.add(new Place(11, 0));
    const back = new Place(12, 5);
    list.add(back);
    list.remove(back);
    expect(ticketsOf(list)).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(list.size).toBe(10);
  });
});

describe("a slot that a worker keeps from item to item is free", () => {
  class Calls extends AsyncParallelBatchNode<object, number, void> {
    override prep = () => [1, 2, 3];
    override exec = async () => {};
  }

  test("while it waits for a slow reader", async () => {
    const gate = new Gate({ concurrency: 1 });
    const flow = new Flow(new Calls({ gate, concurrency: 1 }));
    const events = flow.stream({}, { buffer: 1 });
    for await (const { type, ...rest } of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) }) {
      if (type === "attempt" && "phase" in rest && rest.phase === "end") break;
    }
    await setImmediate();
    expect(await gate.run(() => "in")).toBe("in");
    await events.return?.();
  });

  test("while an `around` hook waits, which may use the gate itself", async () => {
    const gate = new Gate({ concurrency: 1 });
    const around: Around = async ({ kind }, next) => {
      if (kind === "item") await gate.run(() => {});
      return next();
    };
    await new Flow(new Calls({ gate, concurrency: 1 })).run({}, { around });
    expect(gate.stats()).toMatchObject({ started: 6, running: 0, waiting: 0 });
  });
});
