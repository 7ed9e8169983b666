import EventEmitter from "eventemitter3";
import {
  type AnyEvent,
  AsyncParallelBatchNode,
  BatchNode,
  type Context,
  type DataEvent,
  Flow,
  Node,
  node,
  type ProgressEvent,
  type RunEvents,
} from "sluice";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { BACKPRESSURE } from "../../src/base/keys.js";
import { deferred, rejection, turn } from "../support/deferred.js";
import { inWords, isFull, sized } from "../support/size.js";

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}
const datum = (event: AnyEvent) => (event.type === "data" ? event.data : event.type);

const readers = sized(10_000);

/** A flow whose node sends so many numbers, awaiting each. */
const sends = (count: number, sent: (n: number) => void = () => {}) =>
  new Flow(
    node({
      name: "Sends",
      exec: async (_none: undefined, { emit }) => {
        for (let n = 0; n < count; n++) {
          await emit(n);
          sent(n);
        }
      },
      post: () => "sent" as const,
    }),
  );

describe("flow.stream", () => {
  test("gives every event in order, and ends with the end of the run", async () => {
    const seen = await all(sends(2).stream({}, { runId: "r" }));
    expect(seen.map((event) => [event.type, "phase" in event ? event.phase : event.type])).toEqual([
      ["run", "start"],
      ["step", "start"],
      ["attempt", "start"],
      ["data", "data"],
      ["data", "data"],
      ["attempt", "end"],
      ["usage", "usage"],
      ["step", "end"],
      ["run", "end"],
    ]);
    expect(seen.at(-1)).toMatchObject({ runId: "r", action: "sent", outcome: "done" });
  });

  test("throws what run() would reject with, after the last event", async () => {
    const error = new Error("no");
    const seen: string[] = [];
    const read = async () => {
      const flow = new Flow(node({ exec: () => Promise.reject(error) }));
      for await (const { type } of flow.stream({}, { types: ["run"] })) seen.push(type);
    };
    expect(await rejection(read())).toBe(error);
    expect(seen).toEqual(["run", "run"]);
    const stop = AbortSignal.abort(new Error("before"));
    expect(await rejection(all(sends(1).stream({}, { signal: stop })))).toBe(stop.reason);
  });

  test("with types, gives those alone, and the compiler knows them", async () => {
    const stream = sends(3).stream({}, { types: ["data"] });
    expectTypeOf(stream).toExtend<AsyncIterable<DataEvent>>();
    expect((await all(stream)).map(({ data }) => data)).toEqual([0, 1, 2]);
  });

  test("tokens arrive in order for each item while the node still runs", async () => {
    const hold = deferred();
    class Speaks extends AsyncParallelBatchNode<object, string, void> {
      override prep() {
        return ["ab", "xyz"];
      }
      override async exec(word: string, { emit }: Context) {
        for (const letter of word) {
          await emit(letter);
          await turn();
        }
        await hold.promise;
      }
    }
    const heard: string[][] = [[], []];
    let ended = false;
    for await (const event of new Flow(new Speaks()).stream({}, { types: ["data", "step"] })) {
      if (event.type === "data") heard[event.index as number]?.push(event.data as string);
      else ended = event.phase === "end";
      if (heard.flat().length === 5 && !ended) hold.resolve();
      if (event.type === "data") expect(ended).toBe(false);
    }
    expect(heard).toEqual([
      ["a", "b"],
      ["x", "y", "z"],
    ]);
    expect(ended).toBe(true);
  });

  test("does nothing until it is read, and checks its options at once", async () => {
    const exec = vi.fn();
    const flow = new Flow(node({ exec }));
    flow.stream({});
    await turn();
    expect(exec).not.toHaveBeenCalled();
    const left = flow.stream({});
    expect(await left.return?.()).toEqual({ done: true, value: undefined });
    expect(await left.next()).toEqual({ done: true, value: undefined });
    expect(exec).not.toHaveBeenCalled();

    expect(() => flow.stream({}, { buffer: 0 })).toThrow(/`buffer` to be a positive integer, got 0/);
    const options = { types: ["data", "dta"] as never };
    expect(() => flow.stream({}, options)).toThrow(
      'expected `types[1]` to be one of run, step, item, attempt, gate, data, progress, usage, warning, got "dta"',
    );
    expect(() => flow.stream({}, { bufer: 3 } as never)).toThrow(/did you mean "?`?buffer/i);
    expect(() => flow.stream({}, { maxSteps: -1 })).toThrow(/maxSteps/);
  });

  test("leaving the loop aborts the run and waits for its end", async () => {
    let last = -1;
    const over = vi.fn();
    const endless = node({
      exec: async (_: undefined, { emit, signal }) => {
        for (let n = 0; ; n++) {
          if (signal.aborted) throw signal.reason;
          await emit((last = n));
          await turn();
        }
      },
    });
    endless.next(node({ prep: over }));
    const flow = new Flow(endless);
    for await (const { data } of flow.stream({}, { types: ["data"] })) if (data === 3) break;
    const then = last;
    await turn();
    await turn();
    expect(last).toBeLessThanOrEqual(then + 1); // the abandoned exec may be in its last turn
    expect(over).not.toHaveBeenCalled();
  });

  test("leaving waits for hooks that access the store, and aborts the run with a reason", async () => {
    const slow = deferred();
    let reason: unknown;
    const flow = new Flow(
      node({
        post: async (_shared: object, _p, _e, { signal }) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
          });
          await slow.promise;
        },
      }),
    );
    const stream = flow.stream({});
    await stream.next();
    await turn();
    const left = vi.fn();
    const leaving = stream.return?.().then(left);
    await turn();
    expect(left).not.toHaveBeenCalled();
    expect(reason).toMatchObject({ code: "STREAM_LEFT" });
    slow.resolve();
    await leaving;
    expect(left).toHaveBeenCalled();
  });

  test("return() ends a next() that waits", async () => {
    const stream = new Flow(node({ exec: () => new Promise(() => {}) })).stream({}, { types: ["data"] });
    const waiting = stream.next();
    await turn();
    await stream.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  test("several next() at once get one event each, in order", async () => {
    const stream = sends(3).stream({}, { types: ["data"] });
    const reads = await Promise.all(Array.from({ length: 5 }, () => stream.next()));
    expect(reads.map(({ value }) => value?.data)).toEqual([0, 1, 2, undefined, undefined]);
  });

  test("a reader who is slow holds back who awaits emit, and at the end has missed nothing", async () => {
    let sent = -1;
    const stream = sends(100, (n) => {
      sent = n;
    }).stream({}, { types: ["data"], buffer: 5 });
    expect((await stream.next()).value?.data).toBe(0);
    for (let n = 0; n < 20; n++) await turn();
    expect(sent).toBeLessThanOrEqual(5);
    const rest = await all(stream);
    expect(rest.map(({ data }) => data)).toEqual(Array.from({ length: 99 }, (_, n) => n + 1));
  });

  test("a slow reader holds back further items too, so that the buffer stays bounded", async () => {
    let begun = 0;
    class Many extends BatchNode<object, number, void> {
      override *prep() {
        for (let n = 0; n < 10_000; n++) yield n;
      }
      override exec() {
        begun++;
      }
    }
    const stream = new Flow(new Many()).stream({}, { buffer: 20 });
    await stream.next();
    for (let n = 0; n < 20; n++) await turn();
    expect(begun).toBeLessThan(10);
    expect((await all(stream)).filter(({ type }) => type === "item")).toHaveLength(20_000);
  });

  test("data that was not awaited is never dropped", async () => {
    const flow = new Flow(
      node({
        exec: (_: undefined, { emit }) => {
          for (let n = 0; n < 5_000; n++) void emit(n);
        },
      }),
    );
    const stream = flow.stream({}, { types: ["data"], buffer: 1 });
    const seen = await all(stream);
    expect(seen.map(({ data }) => data)).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  });

  describe("a reader that is 100,000 data events behind", () => {
    const beyond = 100_000;
    const floods = {
      exec: { exec: (_: undefined, { emit }: Context) => flood(emit) },
      "an exec that goes on in turns": {
        exec: async (_: undefined, { emit, signal }: Context) => {
          while (!signal.aborted) {
            for (let n = 0; n < 5_000; n++) void emit(n);
            await turn();
          }
        },
      },
      prep: { prep: (_shared: unknown, { emit }: Context) => flood(emit) },
      post: { post: (_shared: unknown, _none: unknown, _result: unknown, { emit }: Context) => flood(emit) },
    };
    function flood(emit: Context["emit"]): undefined {
      for (let n = 0; n < beyond * 3; n++) void emit(n);
      return undefined;
    }

    // In small size the first is enough: each makes 100,000 events.
    test.for(Object.entries(floods).slice(0, sized(4, 1)))(
      "ends the run with an error, in %s: memory is bounded",
      async ([, hooks]) => {
        const after = vi.fn();
        const first = Object.assign(new Node({ attempts: 3 }), hooks);
        first.next(node({ exec: after }));
        const seen: unknown[] = [];
        const read = async () => {
          for await (const { data } of new Flow(first).stream({}, { types: ["data"], buffer: 10 })) {
            if (seen.length === 0) for (let n = 0; n < 100; n++) await turn();
            seen.push(data);
          }
        };
        const error = await rejection(read());
        expect(error).toMatchObject({
          code: "STREAM_OVERFLOW",
          message: expect.stringContaining("await emit"),
        });
        // One went out at once where a reader was waiting.
        expect(seen.length).toBeGreaterThan(beyond + 10);
        expect(seen.length).toBeLessThanOrEqual(beyond + 12);
        expect(after).not.toHaveBeenCalled();
      },
    );

    test.runIf(isFull)(
      "is none while it reads as fast as data comes, or while senders wait for it",
      async () => {
        let read = 0;
        for await (const _event of sends(beyond * 1.5).stream({}, { types: ["data"], buffer: 1 })) read++;
        expect(read).toBe(beyond * 1.5);
      },
    );

    test("and that leaves gets no error", async () => {
      const flow = new Flow(node({ exec: (_: undefined, { emit }) => flood(emit) }));
      for await (const _event of flow.stream({}, { types: ["data"] })) break;
    });
  });

  test("of one batch only one progress event waits, and it is the newest", async () => {
    class Ten extends BatchNode<object, number, void> {
      override prep() {
        return Array.from({ length: 10 }, (_, n) => n);
      }
      override exec(n: number, { emit }: Context) {
        if (n === 4) void emit("middle");
      }
    }
    const first = new Ten({ name: "One" });
    first.next(new Ten({ name: "Two" }));
    const stream = new Flow(first).stream({}, { types: ["progress", "data"] });
    const one = await stream.next();
    for (let n = 0; n < 5; n++) await turn();
    const rest = await all(stream);
    const progress = [one.value as AnyEvent, ...rest].filter(
      (event): event is ProgressEvent => event.type === "progress",
    );
    expect(progress.filter(({ path }) => path.at(-1) === "One").at(-1)?.done).toBe(10);
    expect(progress.filter(({ path }) => path.at(-1) === "Two").map(({ done }) => done)).toEqual([10]);
    expect(progress.length).toBeLessThanOrEqual(3);
    expect(rest.filter(({ type }) => type === "data")).toHaveLength(2);
  });

  test("an abort releases the senders that wait for the reader", async () => {
    const stop = new AbortController();
    const flow = new Flow(
      node({
        post: async (_shared: object, _p, _e, { emit }) => {
          for (let n = 0; n < 10; n++) await emit(n);
        },
      }),
    );
    const stream = flow.stream({}, { buffer: 1, signal: stop.signal });
    await stream.next();
    await turn();
    stop.abort(new Error("enough"));
    await turn();
    expect(await rejection(all(stream))).toBe(stop.signal.reason);
  });

  test("an emitter in the options gets the events too, and its listeners cannot harm the stream", async () => {
    const events = new EventEmitter<RunEvents>();
    const heard: unknown[] = [];
    const failed = vi.fn();
    events.on("data", ({ data }) => void heard.push(data));
    events.on("data", () => {
      throw new Error("listener");
    });
    events.on("listenerError", failed);
    expect((await all(sends(2).stream({}, { types: ["step", "data"], events }))).map(datum)).toEqual([
      "step",
      0,
      1,
      "step",
    ]);
    expect(heard).toEqual([0, 1]);
    expect(failed).toHaveBeenCalledTimes(2);
  });

  test("an emitter that is given too holds the run back when it is behind", async () => {
    const behind = deferred();
    const hold = vi.fn(() => behind.promise);
    const events = Object.assign(new EventEmitter<RunEvents>(), {
      [BACKPRESSURE]: hold,
    });
    let sent = -1;
    const stream = sends(3, (n) => {
      sent = n;
    }).stream({}, { types: ["data"], events });
    const first = stream.next();
    for (let n = 0; n < 20; n++) await turn();
    expect(hold).toHaveBeenCalled();
    expect(sent).toBeLessThan(1);
    behind.resolve();
    expect((await first).value?.data).toBe(0);
    expect((await all(stream)).map(({ data }) => data)).toEqual([1, 2]);
  });

  test(`${inWords(readers)} readers of one flow object each get their own run`, async () => {
    const flow = sends(2);
    const streams = Array.from({ length: readers }, () => all(flow.stream({}, { types: ["data"] })));
    for (const seen of await Promise.all(streams)) {
      expect(seen.map(({ data }) => data)).toEqual([0, 1]);
      expect(new Set(seen.map(({ runId }) => runId)).size).toBe(1);
    }
  }, 60_000);
});
