// A clock that jumps, under Vitest; tests/package has it under Jest and node:test. (In this file's process FakeTimers are installed.)
import { readFile } from "node:fs/promises";
import { AsyncParallelBatchNode, Flow, Gate, node } from "sluice";
import { type VirtualTime, virtualTime } from "sluice/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as deferred from "../../support/deferred.js";

const rejection = async (work: Promise<unknown>) => (await deferred.rejection(work)) as Error;

const real = { setTimeout, now: performance.now.bind(performance) };
let time: VirtualTime;
let began: number;
beforeEach(() => {
  began = real.now();
  time = virtualTime();
});
afterEach(() => {
  time.restore();
  expect(setTimeout).toBe(real.setTimeout);
  expect(real.now() - began).toBeLessThan(20_000); // of minutes and hours
});
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe("run() jumps over", () => {
  test("the rate of a gate", async () => {
    const gate = new Gate({ rate: { requests: 60, per: 3_600_000 } });
    const starts: number[] = [];
    await time.run(() =>
      Promise.all([1, 2, 3].map(() => gate.run(() => starts.push(Math.round(time.now / 60_000))))),
    );
    expect(starts).toEqual([0, 1, 2]);
  });

  test("backoffs and timeouts", async () => {
    const attempts: number[] = [];
    const slow = node({
      attempts: 3,
      backoff: (attempt) => 60_000 * (attempt + 1),
      timeout: 30_000,
      exec: async (_: undefined, { signal }) => {
        attempts.push(time.now);
        await new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        );
      },
    });
    expect(await rejection(time.run(() => slow.run({})))).toMatchObject({ code: "TIMEOUT" });
    expect(attempts.map((at) => Math.round(at / 1_000))).toEqual([0, 90, 240]);
  });

  test("pauses after a 429", async () => {
    let refusals = 2;
    const gate = new Gate({ concurrency: 2 });
    const call = () =>
      gate.run(() => {
        if (refusals-- > 0)
          throw Object.assign(new Error("429"), { status: 429, headers: { "retry-after": "120" } });
        return "done";
      });
    expect(await time.run(() => Promise.all([call(), call(), call()]))).toEqual(["done", "done", "done"]);
    expect(time.now).toBeGreaterThanOrEqual(120_000);
  });

  test("what stand-ins and batches wait for", async () => {
    class Work extends AsyncParallelBatchNode<{ sum?: number }, number, number> {
      override prep() {
        return Array.from({ length: 100 }, (_, at) => at);
      }
      override async exec(item: number) {
        await sleep(10_000);
        return item;
      }
      override post(shared: { sum?: number }, _items: unknown, results: number[]) {
        shared.sum = results.reduce((a, b) => a + b);
      }
    }
    const shared: { sum?: number } = {};
    await time.run(() => new Flow(new Work({ concurrency: 10 })).run(shared));
    expect([shared.sum, time.now]).toEqual([4_950, 100_000]);
  });

  test("nothing where work waits for something real", async () => {
    const text = await time.run(() => readFile(new URL(import.meta.url), "utf8"));
    expect([text.length > 0, time.now]).toEqual([true, 0]);
  });
});

test("run() gives what its work gives, and throws what it throws", async () => {
  expect(await time.run(() => 5)).toBe(5);
  const error = new Error("no");
  expect(await rejection(time.run(() => Promise.reject(error)))).toBe(error);
  const failing = () => {
    throw error;
  };
  expect(await rejection(time.run(failing))).toBe(error);
});

test("advance() fires what is due, and nothing else", async () => {
  const log: string[] = [];
  const note = async (name: string, ...waits: number[]) => {
    for (const wait of waits) {
      await sleep(wait);
      log.push(`${name} ${time.now}`);
    }
  };
  void note("a", 100, 100, 100);
  void note("b", 150);
  await time.advance(200);
  expect(log).toEqual(["a 100", "b 150", "a 200"]);
  await time.advance(0);
  await time.advance(99);
  expect([time.now, log.length]).toEqual([299, 3]);
  await time.advance(1);
  expect(log.at(-1)).toBe("a 300");
  for (const ms of [-1, Number.NaN, "1"])
    expect(await rejection(time.advance(ms as number))).toMatchObject({ code: "INVALID_OPTION" });
});

test("Date and performance.now() move with it, from now on", async () => {
  const [date, now] = [Date.now(), performance.now()];
  await time.advance(5_000);
  expect([Date.now() - date, performance.now() - now]).toEqual([5_000, 5_000]);
  expect(new Date().toISOString()).toBe(new Date(date + 5_000).toISOString());
});

test("an end of the test is an end of its work", async () => {
  const hanging = time.run(() => new Promise(() => setInterval(() => {}, 1_000)));
  await sleepReally();
  time.restore();
  time.restore();
  expect((await rejection(hanging)).message).toContain("The real time came back before the work had settled");
});
const sleepReally = () => new Promise((resolve) => real.setTimeout(resolve, 5));

test("two clocks at once are refused", () => {
  expect(() => virtualTime()).toThrow("Can't install fake timers twice");
});
