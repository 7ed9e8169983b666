import { getEventListeners } from "node:events";
import { availableParallelism } from "node:os";
import { Flow, locate, node, SluiceError } from "sluice";
import { asyncify, sharedPool, ThreadPool } from "sluice/threads";
import { describe, expect, test } from "vitest";
import type * as work from "./modules/work.js";

const url = new URL("./modules/work.js", import.meta.url);
const turn = () => new Promise(setImmediate);
const naps = (pool: ThreadPool) =>
  asyncify(
    (ms: number) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      return ms;
    },
    { pool },
  );

describe("a pool", () => {
  test("runs one call in each thread, and the others wait their turn", async () => {
    const pool = new ThreadPool({ threads: 2 });
    const calls = Array.from({ length: 5 }, () => naps(pool)(20));
    await turn();
    expect(pool.stats()).toMatchObject({ running: 2, waiting: 3 });
    await Promise.all(calls);
    expect(pool.stats()).toEqual({ threads: 2, running: 0, waiting: 0 });
    await pool.close();
    expect(pool.stats().threads).toBe(0);
  });

  test("takes 10,000 calls at once, and gives each its own answer", async () => {
    const pool = new ThreadPool({ threads: 2 });
    const same = asyncify((n: number) => n, { pool });
    const answers = await Promise.all(Array.from({ length: 10_000 }, (_, n) => same(n)));
    expect(answers.every((answer, n) => answer === n)).toBe(true);
    await pool.close();
  });

  test("that is shared has a thread for each core", async () => {
    const calls = Array.from({ length: 4 * availableParallelism() }, () => naps(sharedPool)(1));
    await turn();
    expect(sharedPool.stats().running).toBe(availableParallelism());
    await Promise.all(calls);
  });

  test("ends idle threads, and starts new ones after that", async () => {
    const pool = new ThreadPool({ threads: 1, idle: 5 });
    const same = asyncify((n: number) => n, { pool });
    expect(await same(1)).toBe(1);
    await expect.poll(() => pool.stats().threads, { interval: 2 }).toBe(0);
    expect(await same(2)).toBe(2);
    await pool.close();
  });

  test("closes after the calls made so far, and takes none after that", async () => {
    const pool = new ThreadPool({ threads: 1 });
    const calls = [naps(pool)(5), naps(pool)(5)];
    const closing = pool.close();
    await expect(naps(pool)(1)).rejects.toMatchObject({ code: "POOL_CLOSED" });
    await closing;
    expect(await Promise.all(calls)).toEqual([5, 5]);
    await pool.close();
  });

  test("is disposable, with and without waiting", async () => {
    const waits = new ThreadPool({ threads: 1 });
    const call = naps(waits)(1);
    await waits[Symbol.asyncDispose]();
    expect(await call).toBe(1);
    const goes = new ThreadPool({ threads: 1 });
    goes[Symbol.dispose]();
    await expect(naps(goes)(1)).rejects.toMatchObject({ code: "POOL_CLOSED" });
  });

  test.each([
    ["threads: 0", { threads: 0 }, /expected `threads` to be a positive integer/],
    ["thread: 2", { thread: 2 }, /unknown option `thread`; did you mean `threads`\?/],
    ["idle: -1", { idle: -1 }, /expected `idle` to be milliseconds/],
    [
      "a misspelt limit",
      { resourceLimits: { maxOldGenerationSize: 1 } },
      /did you mean `maxOldGenerationSizeMb`\?/,
    ],
    [
      "a heap in which no thread can start",
      { resourceLimits: { maxOldGenerationSizeMb: 2 } },
      /expected `maxOldGenerationSizeMb` to be a number of megabytes, at least 3, got 2/,
    ],
  ])("refuses %s", (_what, options, message) => {
    expect(() => new ThreadPool(options as never)).toThrow(message);
  });
});

describe("an abort", () => {
  test("of the run's signal ends a spinning thread, and the pool goes on", async () => {
    const pool = new ThreadPool({ threads: 1 });
    const beats = new SharedArrayBuffer(4);
    const heart = new Int32Array(beats);
    const spin = asyncify<typeof work.spin>(url, "spin", { pool });
    const spins = node({ exec: (_: unknown, ctx) => spin(beats, ctx) });
    const stop = new AbortController();
    const run = new Flow(spins).run({}, { signal: stop.signal });
    await expect.poll(() => heart[0], { interval: 2, timeout: 10_000 }).toBeGreaterThan(0);
    stop.abort("enough");
    await expect(run).rejects.toBe("enough");
    expect(await asyncify((n: number) => n, { pool })(3)).toBe(3);
    await pool.close();
  });

  test("takes a call out of the queue, and leaves the others in", async () => {
    const pool = new ThreadPool({ threads: 1 });
    const stop = new AbortController();
    const [first, second, third] = [naps(pool)(20), naps(pool)(20, { signal: stop.signal }), naps(pool)(1)];
    await turn();
    expect(pool.stats().waiting).toBe(2);
    stop.abort("changed my mind");
    await expect(second).rejects.toBe("changed my mind");
    expect(await Promise.all([first, third])).toEqual([20, 1]);
    await pool.close();
  });

  test("before the call starts nothing, and after it changes nothing", async () => {
    const pool = new ThreadPool({ threads: 1 });
    await expect(naps(pool)(1, { signal: AbortSignal.abort("never") })).rejects.toBe("never");
    expect(pool.stats().threads).toBe(0);
    const stop = new AbortController();
    expect(await naps(pool)(1, { signal: stop.signal })).toBe(1);
    stop.abort();
    expect(pool.stats().threads).toBe(1);
    await pool.close();
  });

  test("leaves no listener on a signal that many calls share", async () => {
    const pool = new ThreadPool({ threads: 2 });
    const { signal } = new AbortController();
    const same = asyncify((n: number) => n, { pool });
    const calls = Array.from({ length: 50 }, (_, n) => same(n, { signal }));
    expect(getEventListeners(signal, "abort").length).toBeLessThanOrEqual(2);
    await Promise.all(calls);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    await pool.close();
  });
});

describe("a thread that cannot start", () => {
  test("is an error of its own with what to do, for every call, and the next call tries again", async () => {
    const pool = new ThreadPool({ threads: 2, resourceLimits: { maxOldGenerationSizeMb: 3 } });
    const same = asyncify((n: number) => n, { pool, name: "same" });
    const results = await Promise.allSettled([same(1), same(2), same(3)]);
    for (const result of [...results, ...(await Promise.allSettled([same(4)]))]) {
      expect(result).toMatchObject({
        reason: {
          code: "THREAD_NOT_STARTED",
          message:
            "same was not called, since no thread could be started (it ran out of memory); raise the `resourceLimits` of its pool",
        },
      });
    }
    await expect.poll(() => pool.stats()).toEqual({ threads: 0, running: 0, waiting: 0 });
    await pool.close();
  });
});

describe("work that a function leaves behind", () => {
  test.each([
    ["a rejection", "rejects", false],
    ["an exception", "throws", true],
  ])("%s fails no later call of the thread, and is a warning", async (_what, kind, throws) => {
    const pool = new ThreadPool({ threads: 1 });
    const warned: Error[] = [];
    const listen = (warning: Error) => void warned.push(warning);
    process.on("warning", listen);
    const leave = asyncify(
      (message: string, throws: boolean) => {
        setTimeout(() => {
          if (throws) throw new Error(message);
          Promise.reject(new Error(message));
        }, 1);
        return "left";
      },
      { pool, name: "leave" },
    );
    const wait = asyncify(
      async (ms: number) => {
        await new Promise((resolve) => setTimeout(resolve, ms));
        const { threadId } = await import("node:worker_threads");
        return threadId;
      },
      { pool },
    );
    const before = await wait(1);
    expect(await leave(kind, throws)).toBe("left");
    expect(await wait(15)).toBe(before);
    await expect.poll(() => warned.length).toBe(1);
    expect(warned[0]).toMatchObject({
      code: "SLUICE_STRAY_FAILURE",
      message: `leave left work behind that failed after the call had ended: Error: ${kind}; await it in the function`,
    });
    process.off("warning", listen);
    await pool.close();
  });

  test("fails its own call while that goes on", async () => {
    const pool = new ThreadPool({ threads: 1 });
    const stray = asyncify(
      async () => {
        void Promise.reject(new Error("not awaited"));
        await new Promise((resolve) => setTimeout(resolve, 5_000));
      },
      { pool },
    );
    const call = stray();
    const next = asyncify(() => "next", { pool })();
    await expect(call).rejects.toMatchObject({
      code: "THREAD_DIED",
      message: expect.stringContaining("not awaited"),
    });
    expect(await next).toBe("next");
    await pool.close();
  });
});

describe("a thread that dies", () => {
  test.each([
    ["exits", "die", [3], /"die" of work\.js, call 1: its thread died \(worker exited with code: 3\)/],
    ["has an error that nobody catches", "dieLater", [], /call 1: its thread died \(stray\)/],
    ["runs out of memory", "eat", [], /call 1: its thread died \(it ran out of memory\)/],
  ])("because it %s is replaced, and the error says which call it was", async (_how, name, args, message) => {
    const resourceLimits = { maxOldGenerationSizeMb: 32 };
    const pool = new ThreadPool({ threads: 1, resourceLimits });
    const dies = asyncify(url, name, { pool });
    const waiting = asyncify((n: number) => n, { pool });
    const [error, ...answers] = await Promise.all([
      dies(...args).catch((reason: unknown) => reason),
      waiting(1),
      waiting(2),
    ]);
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ code: "THREAD_DIED", message: expect.stringMatching(message) });
    expect(answers).toEqual([1, 2]);
    await pool.close();
  });

  test("is located in its run", async () => {
    const pool = new ThreadPool({ threads: 1 });
    const die = asyncify<typeof work.die>(url, "die", { pool });
    const dies = node({ name: "Dies", exec: (_: unknown, ctx) => die(1, ctx) });
    const error = await new Flow(dies, { name: "Main" }).run({}).catch((reason) => reason);
    expect(locate(error)?.path).toEqual(["Main", "Dies"]);
    await pool.close();
  });
});
