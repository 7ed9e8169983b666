import { type Job, Worker } from "bullmq";
import {
  AsyncParallelBatchNode,
  type Context,
  type Executor,
  emitter,
  Flow,
  isFailure,
  locate,
  type OnError,
  type ParallelBatchNodeOptions,
} from "sluice";
import { Fleet } from "sluice/bullmq";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { keysOf } from "../../../src/wings/bullmq/protocol.js";
import { rejection, turn } from "../../support/deferred.js";
import { noRedis, type RedisServer, startRedis } from "../../support/redis.js";
import { isFull } from "../../support/size.js";

interface Shared {
  items: unknown[];
  results?: unknown[];
}
type Exec = (item: never, ctx: Context) => unknown;

/** A flow whose calls do what a test says. */
const flowOf = (exec: Exec, options: ParallelBatchNodeOptions<Shared, OnError> = {}, version?: string) => {
  class Work extends AsyncParallelBatchNode<Shared, unknown, unknown> {
    override prep(shared: Shared) {
      return shared.items;
    }
    override exec = exec as never;
    override post(shared: Shared, _items: unknown, results: unknown[]) {
      shared.results = results;
    }
  }
  return new Flow<Shared>(new Work({ concurrency: 100, ...(options as object), name: "Work" }), {
    name: "Main",
    version,
  });
};

describe.skipIf(noRedis)("a fleet", () => {
  let redis: RedisServer;
  let queues = 0;
  const fleets: Fleet[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await Promise.all(fleets.map((fleet) => fleet.close()));
    await redis.stop();
  });

  /** A fleet with workers of a flow whose calls do the same. */
  async function fleetOf(exec: Exec, workers = 1, options: ParallelBatchNodeOptions<Shared, OnError> = {}) {
    const fleet = new Fleet({ connection: redis.url, queue: `queue-${++queues}` });
    fleets.push(fleet);
    for (let i = 0; i < workers; i++) await fleet.work(flowOf(exec, options), { machine: `machine-${i}` });
    return { fleet, flow: flowOf(exec as never, { ...options, executor: fleet }) };
  }

  test("results come back in input order from several workers, with everything that plain data can be", async () => {
    const { flow } = await fleetOf(
      (item: number) => ({ at: new Date(item), big: BigInt(item), set: new Set([item]) }),
      2,
    );
    const shared: Shared = { items: Array.from({ length: 500 }, (_, i) => i) };
    await flow.run(shared);
    expect(shared.results).toEqual(
      shared.items.map((i) => ({ at: new Date(i as number), big: BigInt(i as number), set: new Set([i]) })),
    );
  });

  test("what is emitted and charged, attempts and usage reach the run", async () => {
    const { flow } = await fleetOf(
      async (item: number, { emit, charge, attempt, params, key }: Context) => {
        await emit({ item, attempt });
        charge(10);
        if (item === 1 && attempt === 0) throw new Error("again");
        return [params, key];
      },
      1,
      { attempts: 2 },
    );
    const events = emitter();
    const data: unknown[] = [];
    const attempts: unknown[] = [];
    let usage: unknown;
    events.on("data", (event) => data.push([event.index, event.data]));
    events.on(
      "attempt",
      (event) => void (event.phase === "end" && attempts.push([event.index, event.attempt, event.outcome])),
    );
    events.on("usage", ({ calls, tokens }) => {
      usage = { calls, tokens };
    });
    const shared: Shared = { items: [0, 1] };
    await flow.run(shared, { events, params: { p: new Date(0) }, budget: { tokens: 1_000 } });
    expect(shared.results).toEqual([
      [{ p: new Date(0) }, "Main/Work[0]"],
      [{ p: new Date(0) }, "Main/Work[1]"],
    ]);
    expect(data.sort()).toEqual([
      [0, { item: 0, attempt: 0 }],
      [1, { item: 1, attempt: 0 }],
      [1, { item: 1, attempt: 1 }],
    ]);
    expect(attempts.sort()).toEqual([
      [0, 0, "done"],
      [1, 0, "failed"],
      [1, 1, "done"],
    ]);
    expect(usage).toEqual({ calls: 3, tokens: 30 });
  });

  test("an error comes back with its class, its fields and its cause, and locate() names the machine", async () => {
    class OwnError extends Error {
      override name = "OwnError";
      status = 503;
      code = "OWN";
      client = () => {};
    }
    const { flow } = await fleetOf(
      (item: number) => {
        if (item === 0) throw new RangeError("range", { cause: new TypeError("cause") });
        if (item === 1) throw new OwnError("own");
        throw "text";
      },
      1,
      { onError: "collect" },
    );
    const shared: Shared = { items: [0, 1, 2] };
    await flow.run(shared);
    const [range, own, text] = (shared.results as { error: Error & { status: number; code: string } }[]).map(
      ({ error }) => error,
    );
    expect(shared.results?.every(isFailure)).toBe(true);
    expect(range).toBeInstanceOf(RangeError);
    expect(range?.cause).toBeInstanceOf(TypeError);
    expect([own?.name, own?.message, own?.status, own?.code, own instanceof Error]).toEqual([
      "OwnError",
      "own",
      503,
      "OWN",
      true,
    ]);
    expect(text).toBe("text");
    expect(locate(range)).toMatchObject({ path: ["Main", "Work"], item: 0, machine: "machine-0" });
  });

  test("a result that is large comes back, and one that is no plain data says so", async () => {
    const { flow } = await fleetOf(
      (size: number) => (size < 0 ? new (class Client {})() : "x".repeat(size)),
      1,
      { onError: "collect" },
    );
    const shared: Shared = { items: [3_000_000, -1] };
    await flow.run(shared);
    const [large, failure] = shared.results as [string, { error: unknown }];
    expect(large).toHaveLength(3_000_000);
    expect(failure.error).toMatchObject({ code: "NOT_SERIALIZABLE" });
    const strict = await fleetOf(() => 1);
    expect(await rejection(strict.flow.run({ items: [() => 1] }))).toMatchObject({
      code: "NOT_SERIALIZABLE",
    });
  });

  test("an abort reaches the workers", async () => {
    const aborted: unknown[] = [];
    const abort = new AbortController();
    const { flow } = await fleetOf(async (item: number, { signal }: Context) => {
      setTimeout(() => abort.abort(new Error("stop")), 5);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      aborted.push(item);
    });
    expect(await rejection(flow.run({ items: [1, 2, 3] }, { signal: abort.signal }))).toMatchObject({
      message: "stop",
    });
    await expect.poll(() => aborted.length).toBe(3);
  });

  test("a drain lets calls under way end, and begins no other", async () => {
    const drain = new AbortController();
    let begun = 0;
    const delivered: unknown[] = [];
    const { flow } = await fleetOf(async (item: number) => {
      if (++begun === 3) drain.abort(new Error("drained"));
      for (let i = 0; i < 20; i++) await turn();
      return item;
    });
    (flow.start as AsyncParallelBatchNode).onResult = (_shared, result) => void delivered.push(result);
    const items = Array.from({ length: 1_000 }, (_, i) => i);
    expect(await rejection(flow.run({ items }, { drain: drain.signal }))).toMatchObject({
      message: "drained",
    });
    expect(delivered.length).toBeGreaterThanOrEqual(3);
    expect(delivered.length).toBe(begun);
    expect(begun).toBeLessThan(200);
  });

  test("calls that a worker with another version is offered are given back, and the coordinator says which", async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error & { code?: string }) =>
      void warnings.push(`${warning.code}: ${warning.message}`);
    process.on("warning", onWarning);
    try {
      const fleet = new Fleet({ connection: redis.url, queue: `queue-${++queues}` });
      fleets.push(fleet);
      await fleet.work(
        flowOf(() => "old", {}, "1"),
        { machine: "stale" },
      );
      const shared: Shared = { items: Array.from({ length: 8 }, (_, i) => i) };
      const running = flowOf(() => "none", { executor: fleet as Executor }, "2").run(shared);
      const said = () => warnings.join("\n");
      await expect.poll(said, { timeout: 15_000 }).toMatch(/This worker has .* and gives back calls of/);
      await expect.poll(said, { timeout: 15_000 }).toContain("The worker stale has Main");
      await fleet.work(
        flowOf(() => "new", {}, "2"),
        { machine: "fresh" },
      );
      await running;
      expect(new Set(shared.results)).toEqual(new Set(["new"]));
    } finally {
      process.off("warning", onWarning);
    }
  });

  test.runIf(isFull)(
    "a worker that dies between its last outcome and the end of its job has no call repeated",
    async () => {
      const queue = `queue-${++queues}`;
      const fleet = new Fleet({ connection: redis.url, queue });
      fleets.push(fleet);
      const shared: Shared = { items: [1] };
      const running = flowOf(() => "here", { executor: fleet }).run(shared);
      // A worker by hand, which goes no further.
      const connection = { url: redis.url, maxRetriesPerRequest: null };
      const dying = new Worker(queue, null, { connection, autorun: false, lockDuration: 300 });
      let job: Job | undefined;
      while (job?.id === undefined) job = await dying.getNextJob("token");
      const outcome = { kind: "value", value: '="first"', attempts: 1, machine: "dying", took: 1 };
      const keys = keysOf(queue);
      await redis.client.hset(keys.results(job.id), "0", JSON.stringify(outcome));
      const message = JSON.stringify({ chunk: job.id, outcomes: [[0, outcome]], emitted: [] });
      await redis.client.publish(keys.fromWorkers, message);
      await running;
      expect(shared.results).toEqual(["first"]);
      await dying.close();

      let calls = 0;
      await fleet.work(flowOf(() => ++calls));
      const left = () => redis.client.exists(`bull:${queue}:${job?.id}`, keys.results(job?.id as string));
      await expect.poll(left, { timeout: 15_000 }).toBe(0);
      await fleet.close();
      expect(calls).toBe(0);
    },
  );

  test("where no worker takes its calls for a minute, it says what to start", async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error & { code?: string }) =>
      void warnings.push(`${warning.code}: ${warning.message}`);
    process.on("warning", onWarning);
    const now = performance.now.bind(performance);
    let later = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + later);
    try {
      const fleet = new Fleet({ connection: redis.url, queue: "alone" });
      fleets.push(fleet);
      const stop = new AbortController();
      const running = rejection(
        flowOf(() => 1, { executor: fleet }).run({ items: [1] }, { signal: stop.signal }),
      );
      await expect.poll(() => redis.client.llen("bull:alone:wait"), { timeout: 10_000 }).toBe(1);
      // Each look puts the minute between itself and the one before.
      const said = () => {
        later += 61_000;
        return warnings.join("\n");
      };
      await expect.poll(said, { timeout: 15_000, interval: 500 }).toContain("SLUICE_NO_WORKER");
      expect(warnings.join("\n")).toContain("no worker of the queue alone takes calls of Main");
      expect(warnings.join("\n")).toContain("npx sluice worker");
      stop.abort(new Error("stopped"));
      expect(await running).toMatchObject({ message: "stopped" });
    } finally {
      clock.mockRestore();
      process.off("warning", onWarning);
    }
  });

  test("a fleet that is closed, and a Redis that is away or unfit, say so", async () => {
    const closed = new Fleet({ connection: redis.url, queue: "closed" });
    await closed.close();
    expect(await rejection(closed.work(flowOf(() => 1)))).toMatchObject({ code: "FLEET_CLOSED" });
    const evicts = await startRedis({ settings: ["--maxmemory-policy", "allkeys-lru"] });
    const unfit = new Fleet({ connection: evicts.url, queue: "unfit" });
    expect(await rejection(unfit.work(flowOf(() => 1)))).toMatchObject({ code: "REDIS_UNFIT" });
    await evicts.stop();
    expect(() => new Fleet({ connection: redis.url, queue: "a:b" })).toThrow(
      "expected `queue` to be a name without `:`",
    );
    expect(() => new Fleet({ queue: "a" } as never)).toThrow("expected `connection`");
    expect(() => new Fleet({ connection: "http://me:word@x", queue: "a" })).toThrow('got "http…"');
    expect(() => new Fleet({ connection: redis.url } as never)).toThrow("expected `queue`");
    expect(() => new Fleet(undefined as never)).toThrow("expected `connection`");
  });
});
