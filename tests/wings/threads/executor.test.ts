import { emitter, Flow, isFailure, locate } from "sluice";
import { ThreadExecutor, ThreadPool } from "sluice/threads";
import { afterAll, describe, expect, test } from "vitest";
import { rejection } from "../../support/deferred.js";
import { createFlow, type Shared } from "./flows/primes.js";

const pool = new ThreadPool({ threads: 2 });
afterAll(() => pool.close());
const module = new URL("./flows/primes.ts", import.meta.url);
const executor = new ThreadExecutor(module, { pool });

interface Found {
  count: number;
  isMainThread: boolean;
  key: string;
  idempotencyKey: string;
  params: object;
  last?: string;
}

describe("threads as an executor", () => {
  test("exec runs in a thread with its params and keys, and what it emits and charges reaches the run", async () => {
    const events = emitter();
    const seen: unknown[] = [];
    events.on("data", ({ data, path, index }) => seen.push([data, path, index]));
    const tokens: number[] = [];
    events.on("usage", (usage) => tokens.push(usage.tokens));
    const shared: Shared = { below: [10, 100] };
    await createFlow({ executor }).run(shared, { events, params: { p: 1 }, runId: "r" });
    const [ten, hundred] = shared.found as [Found, Found];
    expect([ten.count, hundred.count]).toEqual([4, 25]);
    expect([ten.isMainThread, ten.params, ten.key]).toEqual([false, { p: 1 }, "Count/Primes[0]"]);
    expect(seen.sort()).toEqual([
      ["10 begins", ["Count", "Primes"], 0],
      ["100 begins", ["Count", "Primes"], 1],
    ]);
    expect(tokens.at(-1)).toBe(110);
    const here: Shared = { below: [10] };
    await createFlow().run(here, { runId: "r" });
    expect((here.found as Found[])[0]?.isMainThread).toBe(true);
    expect((here.found as Found[])[0]?.idempotencyKey).toBe(ten.idempotencyKey);
  });

  test("a flow that is part of another one is found by its own name", async () => {
    const shared: Shared = { below: [10] };
    await new Flow(createFlow({ executor }), { name: "Outer" }).run(shared);
    expect((shared.found as Found[])[0]).toMatchObject({ count: 4, isMainThread: false });
  });

  test("attempts are made here: an error has its fields, and retryIf sees it", async () => {
    const shared: Shared = { below: [-1, 10] };
    const seen: unknown[] = [];
    const retryIf = (error: unknown) => {
      seen.push((error as { status: number }).status);
      return true;
    };
    await createFlow({ executor, attempts: 2, retryIf, onError: "collect" }).run(shared);
    const [failure, found] = shared.found as [{ error: Error; attempts: number }, Found];
    expect(isFailure(failure)).toBe(true);
    expect(failure).toMatchObject({
      attempts: 2,
      error: { message: "below -1 at 1", name: "RangeError", status: 500 },
    });
    expect(locate(failure.error)).toMatchObject({ path: ["Count", "Primes"], item: 0, attempt: 1 });
    expect(found.count).toBe(4);
    expect(seen).toEqual([500]);
  });

  test("a timeout and an abort end a thread that computes, and the pool goes on", async () => {
    const flow = createFlow({ executor, timeout: 200 });
    expect(await rejection(flow.run({ below: [-2] }))).toMatchObject({ code: "TIMEOUT" });
    const abort = new AbortController();
    const reason = new Error("stop");
    const events = emitter();
    events.on("attempt", () => abort.abort(reason));
    expect(
      await rejection(createFlow({ executor }).run({ below: [-2] }, { signal: abort.signal, events })),
    ).toBe(reason);
    const shared: Shared = { below: [10] };
    await createFlow({ executor }).run(shared);
    expect((shared.found as Found[])[0]?.count).toBe(4);
  });

  test("a question in a thread cannot be answered", async () => {
    const error = await rejection(createFlow({ executor }).run({ below: [-3] }, { ask: () => "no" }));
    expect(error).toMatchObject({ code: "NOBODY_TO_ASK" });
  });

  test("a module without a flow, and a flow without the node, say so", async () => {
    const other = new ThreadExecutor(new URL("./executor-none.ts", import.meta.url), { pool });
    expect(await rejection(createFlow({ executor: other }).run({ below: [1] }))).toBeInstanceOf(Error);
    const named = new ThreadExecutor(module, { pool, name: "Primes2" });
    const missing = (await rejection(createFlow({ executor: named }).run({ below: [1] }))) as Error;
    expect(missing.message).toContain("to export Primes2, got the exports Primes, createFlow");
    const renamed = new Flow(createFlow({ executor }).start, { name: "Renamed" });
    const error = (await rejection(renamed.run({ below: [1] }))) as Error;
    expect(error.message).toContain("has no node at Renamed/Primes; its places are Count, Count/Primes");
  });

  test("options are checked", () => {
    expect(() => new ThreadExecutor("flow.js")).toThrow("expected `module` to be a module as a file: URL");
    expect(() => new ThreadExecutor(module, { threads: 2 } as never)).toThrow("unknown option `threads`");
    expect(() => new ThreadExecutor(module, { pool: {} as never })).toThrow(
      "expected `pool` to be a ThreadPool",
    );
  });
});
