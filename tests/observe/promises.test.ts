// The promises of gates, aborts, attempts and order, under everything that can watch a run.
import {
  type Around,
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  Flow,
  Gate,
  isFailure,
  node,
  parallel,
} from "sluice";
import { describe, expect, test } from "vitest";
import { rejection } from "../support/deferred.js";
import { watchers } from "../support/watchers.js";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe.each(Object.entries(watchers))("watched by %s", (_name, run) => {
  /** An `exec` that ignores its signal, and counts how many run at once. */
  const busy = () => {
    const count = { now: 0, most: 0 };
    const exec = async () => {
      count.most = Math.max(count.most, ++count.now);
      await sleep(25);
      count.now--;
    };
    return { count, exec };
  };

  const abandoning: Record<string, (gate: Gate, exec: () => Promise<void>) => BaseNode<object>> = {
    "a branch that lost": (gate, exec) =>
      parallel([node({ gate, exec }), node({ exec: () => sleep(5) })], { until: "any" }),
    "the caller's abort": (gate, exec) => node({ gate, exec }),
    "a timeout": (gate, exec) => node({ gate, timeout: 5, exec }),
    "a timeout of a flow": (gate, exec) => new Flow(node({ gate, exec }), { timeout: 5 }),
    "an item's abort": (gate, exec) => {
      class Items extends AsyncParallelBatchNode<object, number> {
        override prep() {
          return [1, 2, 3];
        }
        override exec = exec;
      }
      return new Items({ gate });
    },
    "an item's timeout": (gate, exec) => {
      class Items extends AsyncParallelBatchNode<object, number> {
        override prep() {
          return [1];
        }
        override exec = exec;
      }
      return new Items({ gate, timeout: 5 });
    },
  };
  for (const [why, build] of Object.entries(abandoning)) {
    test(`a call abandoned by ${why} keeps its slot until it has ended`, async () => {
      const gate = new Gate({ concurrency: 1 });
      const { count, exec } = busy();
      const signal = /abort/.test(why) ? AbortSignal.timeout(5) : undefined;
      await run(new Flow(build(gate, exec)), {}, { signal }).catch(() => {});
      const { running } = gate.stats();
      expect(running).toBe(count.now);
      await gate.run(exec);
      expect(count.most).toBe(1);
      expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
    });
  }

  test("an abort rejects at once with its reason, and nothing starts afterwards", async () => {
    const gate = new Gate({ concurrency: 2 });
    let started = 0;
    class Items extends AsyncParallelBatchNode<object, number> {
      override prep() {
        return Array.from({ length: 50 }, (_, n) => n);
      }
      override exec(): Promise<void> {
        started++;
        return new Promise(() => {});
      }
    }
    const stop = new AbortController();
    const running = run(new Flow(new Items({ gate, concurrency: 10 })), {}, { signal: stop.signal });
    await sleep(2);
    const before = started;
    stop.abort(new Error("enough"));
    expect(await rejection(running)).toBe(stop.signal.reason);
    await sleep(2);
    expect(started).toBe(before);
    expect(gate.stats().waiting).toBe(0);
  });

  test("attempts are counted, waited for and given to the fallback alike", async () => {
    const seen: unknown[] = [];
    class Items extends AsyncParallelBatchNode<{ results?: unknown[] }, number, unknown, "collect"> {
      override prep() {
        return [0, 1, 2];
      }
      override async exec(n: number, { attempt }: { attempt: number }) {
        seen.push([n, attempt]);
        if (attempt < n) throw new Error(`${n} failed`);
        return n;
      }
      override post(shared: { results?: unknown[] }, _: unknown, results: unknown[]) {
        shared.results = results.map((each) => (isFailure(each) ? each.attempts : each));
      }
    }
    const shared: { results?: unknown[] } = {};
    await run(new Flow(new Items({ attempts: 2, backoff: 1, concurrency: 1, onError: "collect" })), shared);
    expect(seen).toEqual([
      [0, 0],
      [1, 0],
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
    expect(shared.results).toEqual([0, 1, 2]);
  });

  test("results come in input order, and deliveries one at a time", async () => {
    let delivering = 0;
    class Items extends AsyncParallelBatchNode<{ order: number[]; most: number }, number, number> {
      override *prep() {
        for (let n = 0; n < 20; n++) yield n;
      }
      override async exec(n: number) {
        await sleep(n % 3);
        return n;
      }
      override onResult = async (shared: { order: number[]; most: number }, result: unknown) => {
        shared.most = Math.max(shared.most, ++delivering);
        await sleep(0);
        shared.order.push(result as number);
        delivering--;
      };
    }
    const shared = { order: [], most: 0 };
    await run(new Flow(new Items()), shared);
    expect(shared.most).toBe(1);
    expect([...shared.order].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });
});

describe("what an around hook answers goes the way of what exec gives", () => {
  const answering =
    (kind: "item" | "attempt", answer: unknown): Around =>
    (span, next) =>
      span.kind === kind && span.index === 1 ? answer : next();

  for (const kind of ["item", "attempt"] as const) {
    test(`an ${kind} of a batch node: onResult and post get it`, async () => {
      const delivered: unknown[] = [];
      class Items extends AsyncParallelBatchNode<{ results?: unknown[] }, number, unknown> {
        override prep() {
          return [1, 2, 3];
        }
        override exec(n: number) {
          return n;
        }
        override post(shared: { results?: unknown[] }, _: unknown, results: unknown[]) {
          shared.results = results;
        }
      }
      const shared: { results?: unknown[] } = {};
      await new Flow(new Items()).run(shared, { around: answering(kind, "answered") });
      expect(shared.results).toEqual([1, "answered", 3]);
      class Delivering extends Items {
        override onResult = (_shared: object, result: unknown, item: number) => {
          delivered.push([item, result]);
        };
      }
      await new Flow(new Delivering()).run({}, { around: answering(kind, "answered") });
      expect(delivered).toEqual([
        [1, 1],
        [2, "answered"],
        [3, 3],
      ]);
    });

    test(`an ${kind} of a batch flow: it is forked, joined and delivered`, async () => {
      interface Store {
        id?: number;
        joined: unknown[];
      }
      const log: unknown[] = [];
      class Iterations extends AsyncParallelBatchFlow<Store, { id: number }> {
        override prep() {
          return [{ id: 0 }, { id: 1 }, { id: 2 }];
        }
        override fork(_shared: Store, { id }: { id: number }): Store {
          return { id, joined: [] };
        }
        override join(shared: Store, _params: { id: number }, local: Store) {
          shared.joined.push(local.id);
        }
        override onResult = (_shared: Store, action: unknown, { id }: { id: number }) => {
          log.push([id, action]);
        };
      }
      const shared: Store = { joined: [] };
      const iterations = new Iterations(node({ post: () => "walked" }), { concurrency: 1, attempts: 2 });
      await iterations.run(shared, { around: answering(kind, "answered") });
      expect(shared.joined).toEqual([0, 1, 2]);
      expect(log).toEqual([
        [0, "walked"],
        [1, "answered"],
        [2, "walked"],
      ]);
    });
  }

  test("a fallback that stands in for an iteration is not joined, hooked or not", async () => {
    const joined: unknown[] = [];
    class Iterations extends AsyncParallelBatchFlow<object, { id: number }> {
      override prep() {
        return [{ id: 0 }];
      }
      override execFallback() {
        return "fallback";
      }
      override join() {
        joined.push("joined");
      }
    }
    const fails = node({ exec: () => Promise.reject(new Error("no")) });
    await new Iterations(fails).run({});
    await new Iterations(fails).run({}, { around: (_span, next) => next() });
    expect(joined).toEqual([]);
  });
});
