import { AsyncLocalStorage } from "node:async_hooks";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type Context,
  emitter,
  Flow,
  Gate,
  isFailure,
  node,
  SluiceError,
} from "sluice";
import { describe, expect, test, vi } from "vitest";
import { rejection } from "../support/deferred.js";
import { watchers } from "../support/watchers.js";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const withStatus = (status: number, more: object = {}) =>
  Object.assign(new Error(`status ${status}`), { status, ...more });

describe.each(Object.entries(watchers))("attempts, watched by %s", (_name, run) => {
  test("ctx.lastError is what the attempt before threw", async () => {
    const seen: unknown[] = [];
    const exec = (_: unknown, { attempt, lastError }: Context) => {
      seen.push(lastError);
      if (attempt < 2) throw new Error(`attempt ${attempt}`);
    };
    class Items extends AsyncParallelBatchNode<object, number> {
      override prep() {
        return [1];
      }
      override exec = exec;
    }
    const first = node({ attempts: 3, exec });
    first.next(new Items({ attempts: 3 }));
    await run(new Flow(first), {});
    const once = [undefined, new Error("attempt 0"), new Error("attempt 1")];
    expect(seen).toEqual([...once, ...once]);
  });

  test("the default retryIf does not retry what another attempt cannot fix", async () => {
    for (const status of [400, 401, 403, 404, 405, 410, 413, 422]) {
      for (const error of [
        withStatus(status),
        Object.assign(new Error("no"), { statusCode: status }),
        Object.assign(new Error("no"), { response: { status } }),
      ]) {
        const exec = vi.fn(() => Promise.reject(error));
        expect(await rejection(run(new Flow(node({ attempts: 3, exec })), {}))).toBe(error);
        expect(exec).toHaveBeenCalledTimes(1);
      }
    }
    for (const status of [408, 409, 425, 500, 502]) {
      const exec = vi.fn(() => Promise.reject(withStatus(status)));
      await rejection(run(new Flow(node({ attempts: 2, exec })), {}));
      expect(exec).toHaveBeenCalledTimes(2);
    }
  });

  test("without a gate, the wait before a further attempt is at least what the error names", async () => {
    const starts: number[] = [];
    const exec = vi.fn(async () => {
      starts.push(performance.now());
      if (starts.length === 1) throw withStatus(429, { headers: { "retry-after-ms": "60" } });
    });
    await run(new Flow(node({ attempts: 2, exec })), {});
    expect((starts[1] as number) - (starts[0] as number)).toBeGreaterThan(55);
  });

  test("a gate may be chosen for each call", async () => {
    const gates = { a: new Gate({ concurrency: 1 }), b: new Gate({ concurrency: 1 }) };
    const most = { a: 0, b: 0, none: 0 };
    const now = { a: 0, b: 0, none: 0 };
    class Items extends AsyncParallelBatchNode<object, "a" | "b" | "none"> {
      override prep() {
        return ["a", "b", "none", "a", "b", "none"] as const;
      }
      override async exec(tenant: "a" | "b" | "none") {
        most[tenant] = Math.max(most[tenant], ++now[tenant]);
        await sleep(3);
        now[tenant]--;
      }
    }
    const items = new Items({
      gate: (tenant: "a" | "b" | "none", { index }) => {
        expect(index).toBeTypeOf("number");
        return tenant === "none" ? undefined : gates[tenant];
      },
    });
    await run(new Flow(items), {});
    expect(most).toEqual({ a: 1, b: 1, none: 2 });
    expect([gates.a, gates.b].map((gate) => gate.stats().started)).toEqual([2, 2]);
    expect([gates.a, gates.b].map((gate) => gate.stats().running)).toEqual([0, 0]);
  });

  test("maxFailures: one more fails the batch, and names the most frequent error", async () => {
    class Items extends AsyncParallelBatchNode<{ results?: unknown[] }, number, unknown, "collect"> {
      override prep() {
        return [0, 1, 2, 3, 4, 5, 6, 7];
      }
      override async exec(n: number) {
        if (n % 2 === 1) throw new Error(n === 1 ? "odd one" : "often");
        return n;
      }
      override post(shared: { results?: unknown[] }, _: unknown, results: unknown[]) {
        shared.results = results;
      }
    }
    const shared: { results?: unknown[] } = {};
    await run(new Flow(new Items({ onError: "collect", maxFailures: 4 })), shared);
    expect(shared.results?.filter(isFailure)).toHaveLength(4);
    const few = new Items({ onError: "collect", maxFailures: 2, concurrency: 1, name: "Few" });
    const error = await rejection(run(new Flow(few), {}));
    expect(error).toMatchObject({ code: "TOO_MANY_FAILURES" });
    expect((error as Error).message).toContain('"Few": 3 items failed, more than `maxFailures: 2`');
    expect((error as Error).message).toContain('(2 of 3): "Error: often"');
    const none = new Items({ onError: "collect", maxFailures: 0, concurrency: 1 });
    expect(await rejection(run(new Flow(none), {}))).toMatchObject({ code: "TOO_MANY_FAILURES" });
  });

  test("maxFailures of a batch flow counts iterations", async () => {
    class Each extends AsyncParallelBatchFlow<object, { n: number }, "collect"> {
      override prep() {
        return [{ n: 1 }, { n: 2 }];
      }
    }
    const each = new Each(node({ exec: () => Promise.reject(new Error("no")) }), {
      onError: "collect",
      maxFailures: 1,
    });
    expect(await rejection(run(new Flow(each), {}))).toMatchObject({ code: "TOO_MANY_FAILURES" });
  });
});

describe("options", () => {
  test("maxFailures without `collect` is refused", () => {
    const make = () => new AsyncParallelBatchNode({ maxFailures: 1 });
    expect(make).toThrow(SluiceError);
    expect(make).toThrow('`maxFailures` to be left out without `onError: "collect"`');
  });

  test("a gate function that returns something else is an error that names the node", async () => {
    const wrong = node({ name: "Wrong", gate: (() => "gate") as never, exec: () => {} });
    const error = await rejection(new Flow(wrong).run({}));
    expect((error as Error).message).toMatch(/"Wrong".*`gate`.*a Gate or undefined.*"gate"/);
  });

  test("the class Gate in place of a gate is refused", () => {
    expect(() => node({ gate: Gate as never })).toThrow("expected `gate`");
  });
});

describe("listeners", () => {
  test("emitter() is an emitter that run() takes", async () => {
    const events = emitter();
    const seen: unknown[] = [];
    events.on("data", ({ data }) => seen.push(data));
    await new Flow(node({ exec: (_: undefined, { emit }) => emit("x") })).run({}, { events });
    expect(seen).toEqual(["x"]);
  });

  test("data of a run inside a hook reaches the outer run's listeners, and its own", async () => {
    const [outside, inside] = [emitter(), emitter()];
    const seen: unknown[] = [];
    outside.on("data", ({ data, path }) => seen.push(["outer", data, path]));
    inside.on("data", ({ data }) => seen.push(["inner", data]));
    const inner = new Flow(node({ name: "Say", exec: (_: undefined, { emit }) => emit("hello") }), {
      name: "In",
    });
    const outer = node({ exec: (_: undefined, ctx) => inner.run({}, { ctx, events: inside }) });
    await new Flow(outer).run({}, { events: outside });
    await new Flow(node({ exec: (_: undefined, ctx) => inner.run({}, { ctx }) })).run(
      {},
      { events: outside },
    );
    expect(seen).toEqual([
      ["inner", "hello"],
      ["outer", "hello", ["In", "Say"]],
      ["outer", "hello", ["In", "Say"]],
    ]);
  });

  test("a gate's pause is reported in the async context of each run that listens", async () => {
    const storage = new AsyncLocalStorage<string>();
    const gate = new Gate({ concurrency: 2, retryAfter: () => 20 });
    const contexts: Record<string, unknown[]> = { a: [], b: [] };
    let refusals = 0;
    const start = (who: "a" | "b") =>
      storage.run(who, () => {
        const events = emitter();
        events.on("gate", ({ phase }) => {
          if (phase === "paused" || phase === "resumed") contexts[who]?.push([phase, storage.getStore()]);
        });
        const call = node({
          gate,
          exec: async () => {
            await sleep(3);
            if (who === "a" && refusals++ === 0) throw withStatus(429);
            await sleep(who === "b" ? 60 : 0);
          },
        });
        return new Flow(call).run({}, { events });
      });
    await Promise.all([start("a"), start("b")]);
    const own = (who: string) => [
      ["paused", who],
      ["resumed", who],
    ];
    expect(contexts).toEqual({ a: own("a"), b: own("b") });
  });
});
