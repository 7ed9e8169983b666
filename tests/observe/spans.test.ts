import EventEmitter from "eventemitter3";
import fc from "fast-check";
import {
  type AnyEvent,
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type AttemptEvent,
  type BaseNode,
  BatchNode,
  Flow,
  Gate,
  type GateEvent,
  type ItemEvent,
  Node,
  node,
  parallel,
  type RunEmitter,
  type RunEvents,
  type RunOptions,
} from "sluice";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { BACKPRESSURE } from "../../src/base/keys.js";
import { deferred, rejection, turn } from "../support/deferred.js";
import { forSluice, graphs, plain, World } from "../support/graphs.js";
import { sized } from "../support/size.js";

const unhandled = vi.fn();
beforeAll(() => {
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  process.on("unhandledRejection", unhandled);
});
beforeEach(() => unhandled.mockClear());
afterAll(() => {
  vi.restoreAllMocks();
  process.off("unhandledRejection", unhandled);
});

const TYPES = ["run", "step", "item", "attempt", "gate", "data", "progress", "warning"] as const;

/** An emitter that writes everything down. */
function recorder(types: readonly (keyof RunEvents)[] = TYPES) {
  const events: RunEmitter = new EventEmitter<RunEvents>();
  const seen: AnyEvent[] = [];
  for (const type of types) events.on(type, (event) => void seen.push(event as AnyEvent));
  return { events, seen };
}

type SpanEvent = Extract<AnyEvent, { id: number }>;
const isSpan = (event: AnyEvent): event is SpanEvent => "id" in event;

/** What must hold of the events of every run, however it ended. */
function expectWhole(seen: readonly AnyEvent[]) {
  const open = new Map<number, SpanEvent>();
  let began = 0;
  let last = 0;
  for (const event of seen) {
    expect(event.at).toBeGreaterThanOrEqual(/attempt|gate/.test(event.type) ? 0 : last); // a failure is told a little later
    last = Math.max(last, event.at);
    if (!isSpan(event)) {
      if (event.type !== "gate") expect(open.has(event.parent as number)).toBe(true);
      continue;
    }
    const { id, parent, type } = event;
    if (event.phase === "start") {
      expect(id).toBe(++began);
      expect(type === "run").toBe(parent === undefined);
      if (parent !== undefined) {
        const around = open.get(parent);
        expect(around, `${type} ${id} is inside ${parent}`).toBeDefined();
        expect(["run", "step", "item", "attempt"].indexOf(around!.type)).toBeLessThanOrEqual(3);
        expect(event.path.slice(0, around!.path.length - 1)).toEqual(around!.path.slice(0, -1));
      }
      open.set(id, event);
    } else {
      expect(open.get(id)).toMatchObject({ type, parent, path: event.path, index: event.index });
      expect(event.duration).toBeCloseTo(event.at - open.get(id)!.at, 6);
      if (event.outcome === "done") expect(event.error).toBeUndefined();
      open.delete(id);
      for (const each of open.values()) expect(each.parent, `what is inside ${id} has ended`).not.toBe(id);
    }
  }
  expect([...open.keys()]).toEqual([]);
}

/** One line for each event, to compare with. */
const line = (event: AnyEvent) =>
  [
    event.type,
    "phase" in event ? event.phase : undefined,
    event.path.join("/"),
    event.index === undefined ? undefined : `[${event.index}]`,
    "attempt" in event ? `try ${event.attempt}` : undefined,
    "outcome" in event ? event.outcome : undefined,
    "wait" in event && event.wait !== undefined ? `wait ${event.wait}` : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(" ");

describe("the events of a run", () => {
  test("report every part of it in order, with its parent", async () => {
    const first = node({ name: "First", exec: () => 1, post: () => "on" as const });
    class Twice extends BatchNode<object, number, number> {
      override prep() {
        return [5];
      }
      override exec(n: number, { attempt }: { attempt: number }) {
        if (attempt === 0) throw new Error("once more");
        return n;
      }
    }
    first.on("on", new Flow(new Twice({ attempts: 2 }), { name: "Inner" }));
    const { events, seen } = recorder();
    await new Flow(first, { name: "Main" }).run({}, { events, runId: "r" });
    expect(seen.map(line)).toEqual([
      "run start Main",
      "step start Main/First",
      "attempt start Main/First try 0",
      "attempt end Main/First try 0 done",
      "step end Main/First done",
      "step start Main/Inner",
      "step start Main/Inner/Twice",
      "item start Main/Inner/Twice [0]",
      "attempt start Main/Inner/Twice [0] try 0",
      "attempt end Main/Inner/Twice [0] try 0 failed wait 0",
      "attempt start Main/Inner/Twice [0] try 1",
      "attempt end Main/Inner/Twice [0] try 1 done",
      "item end Main/Inner/Twice [0] done",
      "progress Main/Inner/Twice",
      "step end Main/Inner/Twice done",
      "step end Main/Inner done",
      "run end Main done",
    ]);
    expect(seen.every(({ runId }) => runId === "r")).toBe(true);
    expectWhole(seen);
    const [start] = seen;
    expect(start).toMatchObject({ type: "run", id: 1, time: expect.any(Number) });
    expect(seen.find(({ type }) => type === "step")).toMatchObject({ parent: 1 });
    expect(seen.find((event) => event.type === "step" && event.phase === "end")).toMatchObject({
      action: "on",
    });
    expect(seen.find((event) => event.type === "item" && event.phase === "end")).toMatchObject({
      attempts: 2,
    });
  });

  test("a flow's walk is an attempt where the flow has attempts, and a node's fallback is part of its step", async () => {
    let walks = 0;
    const fails = node({
      name: "Fails",
      exec: () => {
        if (++walks === 1) throw new Error("first walk");
      },
    });
    const { events, seen } = recorder(["step", "attempt"]);
    await new Flow(new Flow(fails, { name: "Tried", attempts: 2, backoff: 1 })).run({}, { events });
    expect(seen.map(line)).toEqual([
      "step start Flow/Tried",
      "attempt start Flow/Tried try 0",
      "step start Flow/Tried/Fails",
      "attempt start Flow/Tried/Fails try 0",
      "attempt end Flow/Tried/Fails try 0 failed",
      "step end Flow/Tried/Fails failed",
      "attempt end Flow/Tried try 0 failed wait 1",
      "attempt start Flow/Tried try 1",
      "step start Flow/Tried/Fails",
      "attempt start Flow/Tried/Fails try 0",
      "attempt end Flow/Tried/Fails try 0 done",
      "step end Flow/Tried/Fails done",
      "attempt end Flow/Tried try 1 done",
      "step end Flow/Tried done",
    ]);
  });

  test("parents distinguish iterations and branches", async () => {
    const inner = node({ name: "In", exec: () => turn() });
    class Each extends AsyncParallelBatchFlow<object, { n: number }> {
      override prep() {
        return [{ n: 1 }, { n: 2 }];
      }
    }
    const both = parallel([node({ name: "Left" }), new Flow(node({ name: "Deep" }), { name: "Right" })]);
    const each = new Each(inner);
    each.next(both);
    const { events, seen } = recorder();
    await new Flow(each, { name: "Main" }).run({}, { events });
    expectWhole(seen);
    const starts = seen.filter(isSpan).filter(({ phase }) => phase === "start");
    const items = starts.filter(({ type }) => type === "item");
    expect(items.map(({ index }) => index)).toEqual([0, 1]);
    for (const item of items) {
      const within = starts.filter(({ parent }) => parent === item.id);
      expect(within.map(({ type, path }) => [type, path])).toEqual([
        ["step", ["Main", "Each", item.index, "In"]],
      ]);
    }
    const branches = starts.find(({ path }) => path.at(-1) === "parallel")!;
    expect(starts.filter(({ parent }) => parent === branches.id).map(({ path }) => path.at(-1))).toEqual([
      "Left",
      "Right",
    ]);
  });

  test("a failure is reported where it was thrown, and by all parents up to the run", async () => {
    const error = new Error("no");
    const { events, seen } = recorder();
    const flow = new Flow(new Flow(node({ name: "Bad", post: () => Promise.reject(error) })), {
      name: "Main",
    });
    expect(await rejection(flow.run({}, { events }))).toBe(error);
    expectWhole(seen);
    const ends = seen.filter((event) => "outcome" in event);
    expect(ends.map((event) => [line(event), event.error === error])).toEqual([
      ["attempt end Main/Flow/Bad try 0 done", false],
      ["step end Main/Flow/Bad failed", true],
      ["step end Main/Flow failed", true],
      ["run end Main failed", true],
    ]);
  });

  test("an abort is reported for everything that it ended, even an exec that ignores it, before run() rejects", async () => {
    const begun = deferred();
    class Waits extends AsyncParallelBatchNode<object, number, unknown> {
      override prep() {
        return [1, 2, 3];
      }
      override exec() {
        begun.resolve();
        return new Promise(() => {});
      }
    }
    const { events, seen } = recorder();
    const stop = new AbortController();
    const closed = vi.fn();
    const around: RunOptions["around"] = async (span, next) => {
      try {
        return await next();
      } finally {
        closed(span.kind, span.aborted);
      }
    };
    const run = new Flow(new Waits({ concurrency: 2 })).run({}, { events, around, signal: stop.signal });
    await begun.promise;
    stop.abort(new Error("enough"));
    expect(await rejection(run)).toBe(stop.signal.reason);
    expectWhole(seen);
    expect(seen.filter((event) => "outcome" in event).map(line)).toEqual(
      [
        "attempt end Flow/Waits [0] try 0 aborted",
        "attempt end Flow/Waits [1] try 0 aborted",
        "item end Flow/Waits [0] aborted",
        "item end Flow/Waits [1] aborted",
        "step end Flow/Waits aborted",
        "run end Flow aborted",
      ].sort((a, b) => seen.map(line).indexOf(a) - seen.map(line).indexOf(b)),
    );
    expect(closed.mock.calls).toHaveLength(6);
    expect(closed.mock.calls.every(([, aborted]) => aborted)).toBe(true);
  });

  test("timeouts and siblings of a failure have the right outcome", async () => {
    const slow = node({
      name: "Slow",
      exec: () => new Promise(() => {}),
      execFallback: () => {},
      timeout: 5,
    });
    class Siblings extends AsyncParallelBatchNode<object, number, unknown> {
      override prep() {
        return [0, 1];
      }
      override exec(n: number, { signal }: { signal: AbortSignal }) {
        if (n === 1) throw new Error("stop");
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }
    }
    slow.next(new Siblings());
    const { events, seen } = recorder();
    await rejection(new Flow(slow).run({}, { events }));
    expectWhole(seen);
    const ends = seen.filter((event): event is ItemEvent | AttemptEvent => /item|attempt/.test(event.type));
    expect(ends.filter(({ phase }) => phase === "end").map(line)).toEqual([
      "attempt end Flow/Slow try 0 failed",
      "attempt end Flow/Siblings [1] try 0 failed",
      "item end Flow/Siblings [1] failed",
      "attempt end Flow/Siblings [0] try 0 aborted",
      "item end Flow/Siblings [0] aborted",
    ]);
  });

  test("a run that ends before its first step is reported too", async () => {
    const { events, seen } = recorder();
    const gone = AbortSignal.abort(new Error("before"));
    await rejection(new Flow(node({})).run({}, { events, signal: gone }));
    expect(seen.map(line)).toEqual(["run start Flow", "run end Flow aborted"]);
    const few = recorder();
    const loop = node({ post: () => "again" as const });
    loop.on("again", loop);
    await rejection(new Flow(loop).run({}, { events: few.events, maxSteps: 2 }));
    expectWhole(few.seen);
    expect(few.seen.filter((event) => event.type === "step" && event.phase === "end")).toHaveLength(2);
  });
});

describe("gates", () => {
  class Calls extends AsyncParallelBatchNode<object, number, number> {
    refusals = 0;
    override prep() {
      return [0, 1, 2];
    }
    override async exec(n: number) {
      await turn();
      if (n === 1 && this.refusals++ === 0) {
        throw Object.assign(new Error("429"), { status: 429, headers: { "retry-after-ms": "15" } });
      }
      return n;
    }
  }
  const ofGates = (seen: AnyEvent[]) => seen.filter((event): event is GateEvent => event.type === "gate");

  test("waits, their ends, a pause and its end are reported with the name of the gate", async () => {
    const gate = new Gate({ name: "vendor", concurrency: 1 });
    const { events, seen } = recorder();
    await new Flow(new Calls({ gate })).run({}, { events });
    expectWhole(seen);
    const told = ofGates(seen);
    expect(told.every((event) => event.gate === "vendor")).toBe(true);
    expect(told.filter(({ phase }) => phase === "waiting").length).toBe(
      told.filter(({ phase }) => phase === "entered").length,
    );
    const pauses = told.filter(({ phase }) => phase === "paused" || phase === "resumed");
    expect(pauses.map(({ phase, path }) => [phase, path])).toEqual([
      ["paused", ["Flow"]],
      ["resumed", ["Flow"]],
    ]);
    const [paused, resumed] = pauses as [Extract<GateEvent, { phase: "paused" }>, GateEvent];
    const begun = seen.find((event) => event.type === "item" && event.phase === "start" && event.index === 1);
    expect(paused.until - (begun as AnyEvent).at).toBeGreaterThan(13); // its event may come late
    expect(resumed.at).toBeGreaterThanOrEqual(paused.until - 1);
    const refused = seen.find((event) => event.type === "attempt" && event.phase === "end" && event.error);
    expect(refused).toMatchObject({ attempt: 0, outcome: "failed", index: 1, wait: expect.any(Number) });
    for (const event of told) {
      if (event.phase === "entered") expect(event.waited).toBeGreaterThanOrEqual(0);
    }
  });

  test("a pause is reported to every active run that has used the gate, and to no other", async () => {
    const gate = new Gate({ name: "shared" });
    const [running, over, deaf] = [recorder(), recorder(), recorder(["step"])];
    const release = deferred();
    const waits = (events: RunEmitter) => node({ gate, exec: () => release.promise }).run({}, { events });
    await node({ gate, exec: () => {} }).run({}, { events: over.events });
    const both = [waits(running.events), waits(deaf.events)];
    await turn();
    await new Flow(new Calls({ gate, concurrency: 1 })).run({});
    release.resolve();
    await Promise.all(both);
    expect(ofGates(running.seen).map(({ phase }) => phase)).toEqual(["paused", "resumed"]);
    expect(ofGates(over.seen)).toEqual([]);
    expect(gate.watchers.size).toBe(0);
  });

  test("a refusal without a pause reports none, nor its end", async () => {
    const { events, seen } = recorder();
    const refusals = { left: 1 };
    const gate = new Gate({ retryAfter: () => 0 });
    const exec = () => {
      if (refusals.left-- > 0) throw new Error("refused");
    };
    await node({ gate, exec }).run({}, { events });
    expect(refusals.left).toBe(-1);
    expect(ofGates(seen)).toEqual([]);
  });

  test("a wait for permits is reported, and an abort during it leaves no attempt without its end", async () => {
    const gate = new Gate({ rate: { requests: 1, per: 3_600_000, burst: 1 } });
    const { events, seen } = recorder();
    const stop = new AbortController();
    const run = new Flow(new Calls({ gate })).run({}, { events, signal: stop.signal });
    await turn();
    stop.abort();
    await rejection(run);
    expectWhole(seen);
    expect(ofGates(seen).map(({ phase, gate }) => [phase, gate])).toEqual([
      ["waiting", undefined],
      ["waiting", undefined],
    ]);
    expect(gate.watchers.size).toBe(0);
  });
});

describe("who listens changes nothing", () => {
  const results = async (spec: Parameters<typeof forSluice>[0], options: RunOptions) => {
    const world = new World();
    const shared = { visits: 0 };
    const end = await (forSluice(spec, world, 1) as BaseNode<object>).run(shared, options).then(
      (action) => ["returned", plain(action)],
      (error) => ["threw", plain(error)],
    );
    return JSON.stringify({ trace: world.trace, shared, end });
  };

  test("random graphs behave the same when watched and wrapped, and their events are complete", async () => {
    await fc.assert(
      fc.asyncProperty(graphs(), async (spec) => {
        const { events, seen } = recorder();
        const around: RunOptions["around"] = [(_, next) => next(), async (_, next) => await next()];
        const unwatched = await results(spec, {});
        expect(await results(spec, { events, around })).toBe(unwatched);
        expectWhole(seen);
      }),
      { numRuns: sized(150) },
    );
  }, 60_000);

  test.each(TYPES.filter((type) => type !== "warning"))(
    "a listener of %s that throws, rejects or hangs",
    async (type) => {
      const gate = new Gate({ concurrency: 1 });
      class Items extends AsyncParallelBatchNode<{ done?: number[] }, number, number> {
        override prep() {
          return [1, 2, 3];
        }
        override async exec(n: number, { emit }: { emit(data: unknown): Promise<void> }) {
          await emit(n);
          return n * 2;
        }
        override post(shared: { done?: number[] }, _: unknown, done: number[]) {
          shared.done = done;
        }
      }
      const events: RunEmitter = new EventEmitter<RunEvents>();
      const failed = vi.fn();
      events.on("listenerError", failed);
      events.on(type, () => {
        throw new Error("listener");
      });
      events.on(type, (() => Promise.reject(new Error("listener"))) as () => void);
      events.on(type, (() => new Promise(() => {})) as () => void);
      const heard = vi.fn();
      events.on(type, heard);
      const shared: { done?: number[] } = {};
      await new Flow(new Items({ gate })).run(shared, { events });
      await turn();
      expect(shared.done).toEqual([2, 4, 6]);
      expect(heard.mock.calls.length).toBeGreaterThan(0);
      expect(failed).toHaveBeenCalledTimes(2 * heard.mock.calls.length);
      expect(unhandled).not.toHaveBeenCalled();
    },
  );

  test("an abort releases the senders that the emitter delays", async () => {
    const { events } = recorder();
    const hold = deferred();
    Object.defineProperty(events, BACKPRESSURE, { value: () => hold.promise });
    const stop = new AbortController();
    const entered = vi.fn();
    const sends = node({
      prep: async (_shared: object, { emit }) => {
        entered();
        await emit("never read");
      },
    });
    const run = new Flow(sends).run({}, { events, signal: stop.signal });
    await turn();
    stop.abort(new Error("enough"));
    expect(await rejection(run)).toBe(stop.signal.reason);
    const unheard = new EventEmitter<RunEvents>();
    Object.defineProperty(unheard, BACKPRESSURE, { value: () => hold.promise });
    const again = new AbortController();
    const sending = new Flow(sends).run({}, { events: unheard, signal: again.signal });
    await turn();
    expect(entered).toHaveBeenCalledTimes(2); // no wait between a node's post and the next node's prep
    again.abort(new Error("enough"));
    expect(await rejection(sending)).toBe(again.signal.reason);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test("events without listeners are not created", async () => {
    const events: RunEmitter = new EventEmitter<RunEvents>();
    const emit = vi.spyOn(events, "listeners");
    const seen: unknown[] = [];
    events.on("data", (event) => void seen.push(event));
    await new Flow(node({ exec: (_: undefined, { emit }) => emit("x") })).run({}, { events });
    expect(emit.mock.calls.map(([type]) => type)).toEqual(["data"]);
    expect(seen).toMatchObject([{ parent: undefined }]);
  });

  test("one flow object serves a thousand watched runs at once, which stay distinct", async () => {
    const flow = new Flow(new Node({ name: "A" }).next(new Node({ name: "B" })));
    const { events, seen } = recorder();
    const runs = Array.from({ length: 1_000 }, (_, at) => flow.run({}, { events, runId: `run ${at}` }));
    await Promise.all(runs);
    const byRun = new Map<string, AnyEvent[]>();
    for (const event of seen) byRun.set(event.runId, [...(byRun.get(event.runId) ?? []), event]);
    expect(byRun.size).toBe(1_000);
    for (const own of byRun.values()) expectWhole(own);
  });
});
