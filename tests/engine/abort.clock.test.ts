// An abort, wherever it finds a run: the run rejects with the signal's own reason within 20 ms, hooks that may
// touch the store are awaited first, later work never starts, and nothing of ours is left.
import { getEventListeners } from "node:events";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  Flow,
  Gate,
  node,
  parallel,
} from "sluice";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { busyGate, hooks, Log, places } from "../support/aborts.js";
import { fastest } from "../support/fastest.js";
import { TimerWatch } from "../support/timers.js";

const SOON = 20;

let timers: TimerWatch;
const unhandled: unknown[] = [];
const warnings: string[] = [];
const onUnhandled = (error: unknown) => unhandled.push(error);
const onWarning = ({ name }: Error) => warnings.push(name);
beforeEach(() => {
  timers = new TimerWatch();
  process.on("unhandledRejection", onUnhandled);
  process.on("warning", onWarning);
});
afterEach(async () => {
  await turn();
  timers.stop();
  process.off("unhandledRejection", onUnhandled);
  process.off("warning", onWarning);
  expect(unhandled.splice(0)).toEqual([]);
  expect(warnings.splice(0)).toEqual([]);
});

const slowest = { place: "", ms: 0 };
const slowestHook = { place: "", ms: 0 };
const slowestLoop = { place: "", ms: 0 };
const note = (slowest: { place: string; ms: number }, place: string, ms: number) => {
  if (ms > slowest.ms) Object.assign(slowest, { place, ms });
};
afterAll(() => {
  const show = ({ place, ms }: { place: string; ms: number }) => `${ms.toFixed(1)} ms (${place})`;
  console.log(
    `abort to rejection, the slowest: ${show(slowest)}; after the hook's end: ${show(slowestHook)}; ` +
      `amid hooks that never wait: ${show(slowestLoop)}`,
  );
});

/** Settles a promise into what it rejected with, and when. */
async function rejection(run: Promise<unknown>): Promise<{ reason: unknown; at: number }> {
  try {
    const value = await run;
    return { reason: `resolved with ${String(value)}`, at: performance.now() };
  } catch (reason) {
    return { reason, at: performance.now() };
  }
}

/** Nothing of a run is left: no listener on the signal, and no timer. */
async function expectNothingLeft(signal: AbortSignal): Promise<void> {
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  await turn();
  if (timers.live.length > 0) await sleep(5); // Bottleneck's own hops of 0 ms
  expect(timers.live).toEqual([]);
}

describe("the run rejects at once, with the very reason, while it is held by", () => {
  test.each(places.map((place) => [place.name, place] as const))("%s", async (name, place) => {
    const abort = async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const reason = { why: "an object of the caller's own" };
      const log = new Log();
      const run = rejection(place.begin(signal, log));
      await sleep(15);
      const before = [...log.started];
      const aborted = performance.now();
      controller.abort(reason);
      const rejected = await run;
      expect(rejected.reason).toBe(reason);
      await expectNothingLeft(signal);
      await sleep(50);
      expect(log.started).toEqual(before);
      return rejected.at - aborted;
    };
    const ms = await fastest(SOON, abort);
    note(slowest, name, ms);
    expect(ms).toBeLessThan(SOON);
  });
});

describe("a hook that may touch the store is awaited first:", () => {
  test.each(hooks.map((place) => [place.name, place] as const))("%s", async (name, place) => {
    const ms = await fastest(SOON, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const reason = new Error("stop");
      const log = new Log();
      const run = rejection(place.begin(signal, log));
      await sleep(15);
      const before = [...log.started];
      expect(before.length).toBeGreaterThan(0);
      controller.abort(reason);
      expect(log.hookEndedAt).toBe(0);
      const rejected = await run;
      expect(rejected.reason).toBe(reason);
      expect(log.hookEndedAt).toBeGreaterThan(0);
      await expectNothingLeft(signal);
      await sleep(20);
      expect(log.started).toEqual(before);
      return rejected.at - log.hookEndedAt;
    });
    note(slowestHook, name, ms);
    expect(ms).toBeLessThan(SOON);
  });
});

describe("within 100 ms amid hooks that never wait:", () => {
  const LIMIT = 100; // a turn is due after 40
  /** When the loops give up, so that a run that never sees its abort fails and does not hang. */
  let end = 0;
  const going = () => performance.now() < end;
  const busy = (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  };
  const looping = (hooks: object): BaseNode => {
    const loop = node({ post: () => (going() ? "again" : "done"), ...hooks });
    return (loop as BaseNode).on("again", loop).end("done");
  };
  function* endless() {
    while (going()) yield 1;
  }
  async function* endlessAsync() {
    while (going()) yield 1;
  }
  const batch = (Batch: typeof AsyncParallelBatchNode | typeof BatchNode, options: object, hooks: object) =>
    Object.assign(new Batch(options), { prep: () => endless(), ...hooks });
  class Walks extends AsyncParallelBatchFlow<object, object> {
    override *prep() {
      for (const i of endless()) yield { i };
    }
    override onResult() {}
  }
  class OneByOne extends BatchFlow<object, object> {
    override *prep() {
      for (const i of endless()) yield { i };
    }
    override onResult() {}
  }
  const walkedAgain = () => {
    const inner = new Flow(node({ post: () => (going() ? "again" : "done") }));
    return inner.on("again", inner).end("done");
  };
  const fails = () => {
    if (going()) throw new Error("no");
  };
  let count = 0;

  const loops: [string, () => BaseNode][] = [
    ["a node that leads to itself", () => looping({})],
    ["a node with sync exec and prep", () => looping({ prep: () => 1, exec: () => 2 })],
    ["async hooks that await nothing", () => looping({ prep: async () => 1, exec: async () => 2 })],
    ["a node under a gate", () => looping({ gate: new Gate({ concurrency: 1 }), exec: () => 1 })],
    ["a node with a timeout", () => looping({ timeout: 1_000, exec: () => 1 })],
    ["steps of 5 ms", () => looping({ exec: () => busy(5) })],
    ["steps of 15 ms", () => looping({ exec: () => busy(15) })],
    ["quick steps, then slow ones", () => looping({ exec: () => busy(++count > 2_000 ? 5 : 0) })],
    ["quick steps and now and then a slow one", () => looping({ exec: () => busy(++count % 50 ? 0 : 8) })],
    ["a flow that is walked again and again", walkedAgain],
    ["three nested flows", () => new Flow(new Flow(new Flow(looping({}))))],
    ["two branches", () => parallel([new Flow(looping({})), new Flow(looping({ exec: () => 1 }))])],
    ["attempts without backoff", () => node({ attempts: 1e9, exec: fails })],
    ["attempts under a gate", () => node({ attempts: 1e9, gate: new Gate({ concurrency: 1 }), exec: fails })],
    ["attempts of a flow", () => new Flow(node({ exec: fails }), { attempts: 1e9 })],
    ["items one by one", () => batch(BatchNode, {}, { exec: () => 1, onResult: () => {} })],
    [
      "items by several workers",
      () => batch(AsyncParallelBatchNode, {}, { exec: () => 1, onResult: () => {} }),
    ],
    ["items of 5 ms by several workers", () => batch(AsyncParallelBatchNode, {}, { exec: () => busy(5) })],
    [
      "items of 1 ms by 200 workers",
      () => batch(AsyncParallelBatchNode, { concurrency: 200 }, { exec: () => busy(1) }),
    ],
    [
      "items by 1,000 workers with async exec",
      () =>
        batch(AsyncParallelBatchNode, { concurrency: 1_000 }, { exec: async () => 1, onResult: () => {} }),
    ],
    [
      "items by 10,000 workers with async exec",
      () =>
        batch(AsyncParallelBatchNode, { concurrency: 10_000 }, { exec: async () => 1, onResult: () => {} }),
    ],
    [
      "items under a gate",
      () => batch(AsyncParallelBatchNode, { gate: new Gate({ concurrency: 3 }) }, { onResult: () => {} }),
    ],
    [
      "items that fail and are collected",
      () => batch(AsyncParallelBatchNode, { onError: "collect" }, { exec: fails, onResult: () => {} }),
    ],
    [
      "items with attempts",
      () =>
        batch(
          AsyncParallelBatchNode,
          { attempts: 5, onError: "collect" },
          { exec: fails, onResult: () => {} },
        ),
    ],
    [
      "items of an async generator that awaits nothing",
      () => Object.assign(new AsyncParallelBatchNode(), { prep: () => endlessAsync(), onResult: () => {} }),
    ],
    [
      "a thousand runs at once",
      () => {
        const many = Array.from({ length: 1_000 }, () => new Flow(looping({})));
        return node({ exec: (_, ctx) => Promise.all(many.map((flow) => flow.run({}, { ctx }))) });
      },
    ],
    ["iterations one by one", () => new OneByOne(node({}))],
    ["iterations by several workers", () => new Walks(node({}))],
    ["iterations that loop", () => new Walks(looping({}))],
  ];

  test.each(loops)("%s", async (name, make) => {
    const time = await fastest(LIMIT, async () => {
      count = 0;
      end = performance.now() + 1_000;
      const controller = new AbortController();
      const reason = new Error("stop");
      const due = performance.now() + 25;
      const timer = sleep(25).then(() => controller.abort(reason));
      const rejected = await rejection(new Flow(make()).run({}, { signal: controller.signal }));
      await timer;
      expect(rejected.reason).toBe(reason);
      await expectNothingLeft(controller.signal);
      return rejected.at - due;
    });
    note(slowestLoop, name, time);
    expect(time).toBeLessThan(LIMIT);
  });
});

describe("an abort", () => {
  test("before run() starts nothing, in every place", async () => {
    for (const place of [...places, ...hooks]) {
      const log = new Log();
      const reason = new Error("before");
      const signal = AbortSignal.abort(reason);
      const rejected = await rejection(place.begin(signal, log));
      expect(rejected.reason, place.name).toBe(reason);
      expect(log.started, place.name).toEqual([]);
      expect(getEventListeners(signal, "abort"), place.name).toHaveLength(0);
    }
    await sleep(10);
    expect(timers.live).toEqual([]);
  });

  test("in the very tick of run() starts no further hook, in every place", async () => {
    for (const place of [...places, ...hooks]) {
      const controller = new AbortController();
      const reason = new Error("at once");
      const log = new Log(0);
      const run = rejection(place.begin(controller.signal, log));
      controller.abort(reason);
      const before = [...log.started];
      const rejected = await run;
      expect(rejected.reason, place.name).toBe(reason);
      expect(log.started, place.name).toEqual(before);
      await expectNothingLeft(controller.signal);
    }
  });

  test("at any microtask starts no further hook, in every place", async () => {
    const late = new Set<string>();
    for (const place of [...places, ...hooks]) {
      for (let microtasks = 1; microtasks <= 40; microtasks++) {
        const controller = new AbortController();
        const reason = new Error("soon");
        const log = new Log(0);
        const run = rejection(place.begin(controller.signal, log));
        for (let i = 0; i < microtasks; i++) await undefined;
        controller.abort(reason);
        const before = [...log.started];
        const rejected = await run;
        expect(rejected.reason, place.name).toBe(reason);
        await turn();
        const after = log.started.slice(before.length);
        if (after.length > 0) late.add(`${place.name}: ${after} started after an abort at ${microtasks}`);
        expect(getEventListeners(controller.signal, "abort"), place.name).toHaveLength(0);
      }
    }
    expect([...late]).toEqual([]);
  }, 60_000);

  test("by AbortSignal.timeout() rejects with its TimeoutError", async () => {
    const ms = await fastest(20 + SOON, async () => {
      const signal = AbortSignal.timeout(20);
      const started = performance.now();
      const rejected = await rejection(new Flow(node({ exec: new Log().ignore() })).run({}, { signal }));
      expect(rejected.reason).toBe(signal.reason);
      expect((rejected.reason as DOMException).name).toBe("TimeoutError");
      await expectNothingLeft(signal);
      return rejected.at - started;
    });
    expect(ms).toBeLessThan(20 + SOON);
  });

  test("without a reason rejects with the signal's AbortError, and with a falsy one with that", async () => {
    for (const given of [undefined, null, 0, ""]) {
      const controller = new AbortController();
      const run = rejection(
        new Flow(node({ exec: new Log().ignore() })).run({}, { signal: controller.signal }),
      );
      await turn();
      controller.abort(given);
      expect((await run).reason).toBe(controller.signal.reason);
    }
  });

  test("of a signal that 1,000 runs share ends them all, through one listener", async () => {
    const best = await fastest(3 * SOON, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const gate = new Gate({ concurrency: 1 });
      const exec = new Log().ignore();
      const flows = [node({ exec }), node({ gate, exec }), node({ attempts: 2, timeout: 60_000, exec })];
      const runs = Array.from({ length: 1_000 }, (_, i) =>
        rejection(i % 4 === 3 ? gate.run(exec, { signal }) : new Flow(flows[i % 4]!).run({}, { signal })),
      );
      await sleep(5);
      expect(getEventListeners(signal, "abort")).toHaveLength(1);
      const aborted = performance.now();
      controller.abort("stop");
      const ended = await Promise.all(runs);
      for (const { reason } of ended) expect(reason).toBe("stop");
      await expectNothingLeft(signal);
      return Math.max(...ended.map(({ at }) => at)) - aborted;
    });
    console.log(`abort of 1,000 runs on one signal: the last rejected after ${best.toFixed(1)} ms`);
    expect(best).toBeLessThan(3 * SOON); // for a thousand of them
  });

  test("that never comes leaves no listener on a signal shared by 1,000 runs, one after another", async () => {
    const { signal } = new AbortController();
    const gate = new Gate({ concurrency: 2, rate: { requests: 1e9, per: 1_000 } });
    const flow = new Flow(node({ gate, timeout: 1_000, attempts: 2, exec: (_, ctx) => ctx.signal.aborted }));
    for (let i = 0; i < 1_000; i += 50) {
      await Promise.all(Array.from({ length: 50 }, () => flow.run({}, { signal })));
      await Promise.all(
        Array.from({ length: 50 }, () => gate.run(({ signal }) => signal.aborted, { signal })),
      );
    }
    await expectNothingLeft(signal);
  });

  test.each(["slot", "permits", "pause"] as const)(
    "with 10,000 items waiting for the %s of a gate rejects within 20 ms, and none of them starts",
    async (how) => {
      const best = await fastest(SOON, async () => {
        const controller = new AbortController();
        const { signal } = controller;
        const gate = await busyGate(how, signal);
        const { waiting } = gate.stats();
        const log = new Log();
        class Items extends AsyncParallelBatchNode<object, number, void> {
          override prep() {
            return Array.from({ length: 20_000 }, (_, i) => i);
          }
          override exec() {
            log.start("exec");
          }
        }
        const run = rejection(new Flow(new Items({ gate, concurrency: 10_000 })).run({}, { signal }));
        while (gate.stats().waiting < waiting + 10_000) await sleep(5);
        await sleep(20);
        const aborted = performance.now();
        controller.abort("stop");
        const rejected = await run;
        expect(rejected.reason).toBe("stop");
        await expectNothingLeft(signal);
        await sleep(60);
        expect(log.started).toEqual([]);
        expect(gate.stats()).toMatchObject({ waiting: 0, running: 0 });
        return rejected.at - aborted;
      });
      console.log(`abort with 10,000 items waiting for the ${how}: rejected after ${best.toFixed(1)} ms`);
      expect(best).toBeLessThan(SOON);
    },
  );

  test("inside the iterable itself ends the run, and the iterable's finally runs", async () => {
    for (const Batch of [BatchNode, AsyncParallelBatchNode]) {
      const controller = new AbortController();
      let closed = false;
      const pulled: number[] = [];
      const source = function* () {
        try {
          for (let i = 0; ; i++) {
            if (i === 5) controller.abort("stop");
            pulled.push(i);
            yield i;
          }
        } finally {
          closed = true;
        }
      };
      const batch = Object.assign(new Batch(), { prep: source, exec: () => turn() });
      const rejected = await rejection(new Flow(batch).run({}, { signal: controller.signal }));
      expect(rejected.reason).toBe("stop");
      expect(pulled).toEqual([0, 1, 2, 3, 4, 5]);
      await turn();
      expect(closed).toBe(true);
    }
  });

  test("during a sibling's failure gives the caller's reason, not the failure", async () => {
    const controller = new AbortController();
    const siblings: unknown[] = [];
    class Items extends AsyncParallelBatchNode<object, number, void> {
      override prep() {
        return [0, 1, 2];
      }
      override async exec(item: number, { signal }: { signal: AbortSignal }) {
        await sleep(item === 0 ? 5 : 50);
        siblings.push(signal.reason);
        if (item === 0) throw new Error("the first failure");
      }
    }
    const run = rejection(new Flow(new Items()).run({}, { signal: controller.signal }));
    await sleep(20);
    controller.abort("stop");
    expect((await run).reason).toBe("stop");
    await sleep(50);
    expect(siblings.slice(1)).toMatchObject([{ code: "SIBLING_FAILED" }, { code: "SIBLING_FAILED" }]);
  });

  test("waits for the walk of a flow whose timeout has fired, and for the abort of that", async () => {
    const ms = await fastest(SOON, async () => {
      const log = new Log();
      const first = node({ post: log.touch("post") });
      first.next(node({ prep: () => log.start("late") }));
      const inner = new Flow(first, { timeout: 10 });
      const rejected = await rejection(new Flow(inner).run({}));
      expect(rejected.reason).toMatchObject({ code: "TIMEOUT" });
      expect(log.hookEndedAt).toBeGreaterThan(0);
      expect(log.started).toEqual(["post"]);
      return rejected.at - log.hookEndedAt;
    });
    expect(ms).toBeLessThan(SOON);
  });
});

describe("timeouts", () => {
  test("leave no timer after a success, a failure or an abandoned exec", async () => {
    const gate = new Gate({ concurrency: 5 });
    const outcomes: (() => unknown)[] = [() => 1, () => Promise.reject(new Error("no")), () => sleep(40)];
    for (const exec of outcomes) {
      await rejection(new Flow(node({ gate, timeout: 20, exec })).run({}));
      expect(timers.live).toEqual([]);
    }
    await sleep(50);
  });
});
