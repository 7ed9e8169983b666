import EventEmitter from "eventemitter3";
import {
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  type Context,
  type DataEvent,
  Flow,
  type ListenerErrorEvent,
  Node,
  node,
  type ProgressEvent,
  type RunEvents,
  type WarningEvent,
} from "sluice";
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from "vitest";
import { turn } from "../support/deferred.js";

let warnings: MockInstance<typeof process.emitWarning>;
const unhandled = vi.fn();
beforeEach(() => {
  warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  unhandled.mockClear();
  process.on("unhandledRejection", unhandled);
});
afterEach(() => {
  warnings.mockRestore();
  process.off("unhandledRejection", unhandled);
});

const emitter = () => new EventEmitter<RunEvents>();
/** A flow whose one node emits and then returns "done". */
const emits = (...data: unknown[]) =>
  new Flow(
    node({
      name: "Emits",
      exec: async (_prepared: undefined, { emit }) => {
        for (const each of data) await emit(each);
      },
      post: () => "done" as const,
    }),
    { name: "Main" },
  );

describe("data", () => {
  test("has the data, the run, the place and the time", async () => {
    const events = emitter();
    const seen: DataEvent[] = [];
    events.on("data", (event) => void seen.push(event));
    const before = performance.now();
    await emits({ token: "a" }).run({}, { events, runId: "r" });
    expect(seen).toEqual([
      {
        type: "data",
        data: { token: "a" },
        runId: "r",
        path: ["Main", "Emits"],
        index: undefined,
        at: expect.any(Number),
      },
    ]);
    expect(seen[0]!.at).toBeGreaterThanOrEqual(before);
    expect(seen[0]!.at).toBeLessThanOrEqual(performance.now());
  });

  test("comes at once and in order, from every hook", async () => {
    const events = emitter();
    const seen: unknown[] = [];
    events.on("data", ({ data }) => void seen.push(data));
    const step = node({
      prep: (_shared: unknown, { emit }) => void emit("prep"),
      exec: (_prepared, { emit }) => {
        emit("exec");
        seen.push("after exec's emit");
      },
      post: (_shared, _prepared, _result, { emit }) => void emit("post"),
    });
    await step.run({}, { events });
    expect(seen).toEqual(["prep", "exec", "after exec's emit", "post"]);
  });

  test("carries the path with iterations, and the item's index", async () => {
    const events = emitter();
    const seen: [readonly (string | number)[], number | undefined][] = [];
    events.on("data", ({ path, index }) => void seen.push([path, index]));
    const items = Object.assign(new BatchNode({ name: "Items" }), {
      prep: () => ["x", "y"],
      exec: (item: string, { emit }: Context) => emit(item),
    });
    const each = Object.assign(new BatchFlow(items, { name: "Each" }), { prep: () => [{}, {}] });
    await new Flow(each, { name: "Main" }).run({}, { events });
    expect(seen).toEqual([
      [["Main", "Each", 0, "Items"], 0],
      [["Main", "Each", 0, "Items"], 1],
      [["Main", "Each", 1, "Items"], 0],
      [["Main", "Each", 1, "Items"], 1],
    ]);
  });

  test("reaches every listener; one that came by once() only once", async () => {
    const events = emitter();
    const [always, once] = [vi.fn(), vi.fn()];
    events.on("data", always);
    events.once("data", once);
    events.on("data", always);
    await emits(1, 2).run({}, { events });
    expect(always).toHaveBeenCalledTimes(4);
    expect(once).toHaveBeenCalledTimes(1);
    expect(events.listenerCount("data")).toBe(2);
  });

  test("reaches listeners with the emitter as this", async () => {
    const events = emitter();
    const seen: unknown[] = [];
    events.on("data", function (this: unknown) {
      seen.push(this);
    });
    await emits(1).run({}, { events });
    expect(seen).toEqual([events]);
    expect(seen[0]).toBe(events);
  });

  test("a listener may take itself off, or add another, while it is called", async () => {
    const events = emitter();
    const added = vi.fn();
    const leaves = vi.fn(() => {
      events.off("data", leaves);
      events.on("data", added);
    });
    const last = vi.fn();
    events.on("data", leaves).on("data", last);
    await emits(1, 2).run({}, { events });
    expect([leaves, last, added].map(({ mock }) => mock.calls.length)).toEqual([1, 2, 1]);
  });

  test("one emitter may serve many runs, which their ids distinguish", async () => {
    const events = emitter();
    const seen: string[] = [];
    events.on("data", ({ runId, data }) => void seen.push(`${runId} ${data}`));
    await Promise.all(["a", "b"].map((runId) => emits(1, 2).run({}, { events, runId })));
    expect(seen.sort()).toEqual(["a 1", "a 2", "b 1", "b 2"]);
  });

  test("nothing of ours is left on the emitter", async () => {
    const events = emitter();
    await emits(1).run({}, { events });
    expect(events.eventNames()).toEqual([]);
  });
});

describe("a listener never changes the run", () => {
  const failures: [string, () => unknown][] = [
    [
      "throws",
      () => {
        throw new Error("listener");
      },
    ],
    ["rejects", () => Promise.reject(new Error("listener"))],
    [
      "rejects later",
      async () => {
        await turn();
        throw new Error("listener");
      },
    ],
    [
      "throws what cannot be put into words",
      () => {
        throw Object.create(null);
      },
    ],
    [
      "throws what throws when it is put into words",
      () => {
        throw {
          toString() {
            throw new Error("no words");
          },
        };
      },
    ],
    [
      "throws undefined",
      () => {
        throw undefined;
      },
    ],
    [
      "throws a symbol",
      () => {
        throw Symbol("listener");
      },
    ],
    ["rejects with a symbol", () => Promise.reject(Symbol("listener"))],
    [
      "gives a thenable whose then throws",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable is what this test is about
        then() {
          throw new Error("then");
        },
      }),
    ],
  ];

  test.each(failures)(
    "that %s: the run goes on, and the other listeners are called",
    async (_name, listener) => {
      const events = emitter();
      const other = vi.fn();
      events.on("data", listener as () => void);
      events.on("data", other);
      expect(await emits(1, 2).run({}, { events })).toBe("done");
      await turn();
      await turn();
      expect(other).toHaveBeenCalledTimes(2);
      expect(unhandled).not.toHaveBeenCalled();
    },
  );

  test.each(failures)(
    "that %s goes to the process without a listener for listenerError",
    async (_name, listener) => {
      const events = emitter();
      events.on("data", listener as () => void);
      await emits(1).run({}, { events });
      await turn();
      await turn();
      expect(warnings).toHaveBeenCalledTimes(1);
      expect(warnings.mock.calls[0]).toEqual([
        expect.stringContaining("`data`"),
        expect.objectContaining({ code: "SLUICE_LISTENER_FAILED" }),
      ]);
    },
  );

  test.each(failures)("that %s goes to listenerError, with the event", async (_name, listener) => {
    const events = emitter();
    const told: ListenerErrorEvent[] = [];
    events.on("data", listener as () => void);
    events.on("listenerError", (event) => void told.push(event));
    await emits("payload").run({}, { events });
    await turn();
    await turn();
    expect(told).toEqual([
      expect.objectContaining({
        type: "listenerError",
        event: expect.objectContaining({ type: "data", data: "payload" }),
      }),
    ]);
    expect(warnings).not.toHaveBeenCalled();
  });

  test.each(failures)(
    "a listenerError listener that %s too is reported to the process, once",
    async (_name, listener) => {
      const events = emitter();
      events.on("data", () => {
        throw new Error("first");
      });
      events.on("listenerError", listener as () => void);
      expect(await emits(1).run({}, { events })).toBe("done");
      await turn();
      await turn();
      expect(warnings).toHaveBeenCalledTimes(1);
      expect(unhandled).not.toHaveBeenCalled();
    },
  );

  test("the error of listenerError is the very object", async () => {
    const events = emitter();
    const error = new Error("mine");
    const told: unknown[] = [];
    events.on("data", () => {
      throw error;
    });
    events.on("listenerError", (event) => void told.push(event.error));
    await emits(1).run({}, { events });
    expect(told).toEqual([error]);
    expect(told[0]).toBe(error);
  });

  test("an abort by a listener is an abort by the caller", async () => {
    const controller = new AbortController();
    const events = emitter();
    const reason = new Error("enough");
    events.on("data", () => controller.abort(reason));
    const after = vi.fn();
    const first = node({ exec: (_prepared: undefined, { emit }) => emit(1) });
    first.next(node({ prep: after }));
    await expect(new Flow(first).run({}, { events, signal: controller.signal })).rejects.toBe(reason);
    expect(after).not.toHaveBeenCalled();
  });
});

describe("progress", () => {
  const listen = () => {
    const events = emitter();
    const seen: ProgressEvent[] = [];
    events.on("progress", (event) => void seen.push(event));
    return { events, seen };
  };
  const counts = (seen: ProgressEvent[]) => seen.map(({ done, failed, total }) => [done, failed, total]);

  test("counts ended and failed items and the total at each end of an item", async () => {
    const { events, seen } = listen();
    const batch = Object.assign(new AsyncParallelBatchNode({ name: "Items", onError: "collect" }), {
      prep: () => ["a", "bad", "c"],
      exec: async (item: string) => {
        if (item === "bad") throw item;
      },
    });
    await new Flow(batch, { name: "Main" }).run({}, { events, runId: "r" });
    expect(counts(seen).map(([done, , total]) => [done, total])).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    expect(seen.at(-1)).toEqual({
      type: "progress",
      runId: "r",
      path: ["Main", "Items"],
      index: undefined,
      at: expect.any(Number),
      done: 3,
      failed: 1,
      total: 3,
      rate: expect.any(Number),
      remaining: 0,
    });
  });

  test("knows the total of arrays, sets and maps, and says so when it does not", async () => {
    for (const [items, total] of [
      [[1, 2], 2],
      [new Set([1, 2]), 2],
      [new Map([[1, 2]]), 1],
      [[1, 2].values(), undefined],
    ] as const) {
      const { events, seen } = listen();
      await Object.assign(new BatchNode(), { prep: () => items as Iterable<unknown> }).run({}, { events });
      expect(seen.map((event) => event.total)).toEqual(Array(seen.length).fill(total));
      expect(seen.at(-1)).toMatchObject({
        done: seen.length,
        remaining: total === undefined ? undefined : 0,
      });
    }
  });

  test("counts the iterations of a batch flow, and each execution of a batch inside it apart", async () => {
    const { events, seen } = listen();
    const items = Object.assign(new BatchNode({ name: "Items" }), { prep: () => [1, 2] });
    await Object.assign(new BatchFlow(items, { name: "Each" }), { prep: () => [{}, {}] }).run({}, { events });
    expect(seen.map(({ path, index, done }) => [path, index, done])).toEqual([
      [["Each", 0, "Items"], 0, 1],
      [["Each", 0, "Items"], 0, 2],
      [["Each"], undefined, 1],
      [["Each", 1, "Items"], 1, 1],
      [["Each", 1, "Items"], 1, 2],
      [["Each"], undefined, 2],
    ]);
  });

  test("a listener that throws changes nothing here either", async () => {
    const events = emitter();
    events.on("progress", () => {
      throw new Error("listener");
    });
    const post = vi.fn();
    await Object.assign(new BatchNode(), { prep: () => [1, 2], exec: (n: number) => n, post }).run(
      {},
      { events },
    );
    expect(post.mock.calls[0]![2]).toEqual([1, 2]);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("warning", () => {
  const mistake = () => {
    const first = node({ name: "Route", post: () => "aproved" as string });
    first.on("approved", new Node());
    return new Flow(first, { name: "Main" });
  };

  test("reports an unlinked action in every run, with a code, a message and the path", async () => {
    const events = emitter();
    const seen: WarningEvent[] = [];
    events.on("warning", (event) => void seen.push(event));
    const flow = mistake();
    await flow.run({}, { events, runId: "a" });
    await flow.run({}, { events, runId: "b" });
    expect(seen).toEqual(
      ["a", "b"].map((runId) => ({
        type: "warning",
        code: "SLUICE_UNLINKED_ACTION",
        message: expect.stringMatching(/"Route".*"aproved".*did you mean "approved"/),
        runId,
        path: ["Main", "Route"],
        index: undefined,
        at: expect.any(Number),
      })),
    );
  });

  test("a listener that throws changes nothing here either", async () => {
    const events = emitter();
    events.on("warning", () => {
      throw new Error("listener");
    });
    expect(await mistake().run({}, { events })).toBe("aproved");
    expect(warnings.mock.calls.map((call) => (call[1] as unknown as { code: string }).code).sort()).toEqual([
      "SLUICE_LISTENER_FAILED",
      "SLUICE_UNLINKED_ACTION",
    ]);
  });
});
