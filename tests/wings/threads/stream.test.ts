import { asyncify, ThreadPool } from "sluice/threads";
import { describe, expect, test } from "vitest";
import type * as work from "./modules/work.js";

const url = new URL("./modules/work.js", import.meta.url);
const pool = new ThreadPool({ threads: 1 });
const on = <F extends (...args: never[]) => unknown>(name: string, ahead?: number) =>
  asyncify<F>(url, name, { pool, ahead });

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const value of values) seen.push(value);
  return seen;
}

describe("a generator in a thread", () => {
  test("gives its values and what it returns, at the first call and at later ones", async () => {
    const count = on<typeof work.count>("count");
    expect(await all(count(5))).toEqual([1, 2, 3, 4, 5]);
    expect(await all(count(100))).toHaveLength(100);
    expect(await all(count(0))).toEqual([]);
    const iterator = count(1)[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    expect(await iterator.next()).toEqual({ done: true, value: "done" });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test("may be self-contained, and async", async () => {
    const letters = asyncify(
      async function* (text: string) {
        for (const letter of text) yield letter;
      },
      { pool },
    );
    expect(await all(letters("abc"))).toEqual(["a", "b", "c"]);
  });

  test("sends a value while it is still at work on the next", async () => {
    const iterator = on<typeof work.stuck>("stuck")()[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    await iterator.return?.();
  });

  test("works ahead of its reader by `ahead` values and no more", async () => {
    const produced = new SharedArrayBuffer(8);
    const seen = new Int32Array(produced);
    const iterator = on<typeof work.count>("count", 4)(1_000, produced)[Symbol.asyncIterator]();
    await iterator.next();
    await expect.poll(() => seen[0], { interval: 2 }).toBe(4);
    await iterator.next();
    await iterator.next();
    await expect.poll(() => seen[0], { interval: 2 }).toBeGreaterThan(4);
    expect(seen[0]).toBeLessThanOrEqual(3 + 4);
    await iterator.return?.();
  });

  test("ends with its finally blocks when its reader leaves, and its thread serves the next", async () => {
    const produced = new SharedArrayBuffer(8);
    const thread = on<typeof work.thread>("thread");
    const before = await thread();
    for await (const n of on<typeof work.count>("count")(1e9, produced)) if (n === 3) break;
    expect(new Int32Array(produced)[1]).toBe(1);
    expect(pool.stats()).toMatchObject({ running: 0, waiting: 0 });
    expect(await thread()).toBe(before);
  });

  test("that spins when its reader leaves loses its thread", async () => {
    for await (const n of on<typeof work.stuck>("stuck")()) if (n === 1) break;
    expect(pool.stats().running).toBe(0);
    expect(await on<typeof work.doubled>("doubled")(1)).toBe(2);
  });

  test("that is never read takes no thread", async () => {
    const count = on<typeof work.count>("count");
    await all(count(1));
    for (let i = 0; i < 10; i++) count(10);
    expect(pool.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("gives what came before its error, and then the error", async () => {
    const seen: number[] = [];
    const reading = (async () => {
      for await (const n of on<typeof work.stumble>("stumble")(2)) seen.push(n);
    })();
    await expect(reading).rejects.toMatchObject({ name: "Refused", message: "stumbled", status: 418 });
    expect(seen).toEqual([0, 1]);
  });

  test("says what it cannot send", async () => {
    await expect(all(on<typeof work.yieldFunction>("yieldFunction")())).rejects.toMatchObject({
      code: "NOT_CLONEABLE",
      message: expect.stringContaining("a value that it yields"),
    });
  });

  test("moves what it yields with move(), and takes what is transferred to it", async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const parts = await all(on<typeof work.chunks>("chunks")(bytes, { transfer: [bytes.buffer] }));
    expect(parts.map((part) => [...part])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(bytes.byteLength).toBe(0);
  });

  test("ends with the reason of its signal: before it starts, while it is read, and while it spins", async () => {
    const count = on<typeof work.count>("count");
    await expect(all(count(5, undefined, { signal: AbortSignal.abort("early") }))).rejects.toBe("early");
    const midway = new AbortController();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const n of count(1e9, undefined, { signal: midway.signal })) {
        seen.push(n);
        if (n === 3) midway.abort("midway");
      }
    })();
    await expect(reading).rejects.toBe("midway");
    expect(seen).toEqual([1, 2, 3]);
    const stuck = on<typeof work.stuck>("stuck")({ signal: AbortSignal.timeout(50) });
    await expect(all(stuck)).rejects.toMatchObject({ name: "TimeoutError" });
    expect(pool.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("is distinguished from a function with one result", async () => {
    const hash = on<typeof work.hash>("hash");
    const wrong = hash("a") as unknown as AsyncIterable<string>;
    await expect(all(wrong)).rejects.toThrow('"hash" of work.js is no generator function');
  });

  test("reports a module that is not there to its reader", async () => {
    const nowhere = asyncify<typeof work.count>(new URL("./nowhere.js", import.meta.url), "count", { pool });
    await expect(all(nowhere(1))).rejects.toMatchObject({ code: "UNLOADABLE" });
  });
});
