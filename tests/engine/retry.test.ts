import {
  AsyncParallelBatchNode,
  BatchNode,
  type Context,
  Flow,
  Gate,
  locate,
  Node,
  node,
  type RetryOptions,
} from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { deferred, rejection, turn } from "../support/deferred.js";

const unhandled = vi.fn();
beforeEach(() => {
  unhandled.mockClear();
  process.on("unhandledRejection", unhandled);
});
afterEach(async () => {
  vi.restoreAllMocks(); // first, for a spy on a fake timer would put the fake one back
  vi.useRealTimers();
  await turn();
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

type Options = RetryOptions & { name?: string };

/** A node whose exec fails some times, each with an error of its own, and then gives "ok". */
const flaky = (failures: number, options: Options = {}) => {
  const exec = vi.fn((_prepared: unknown, { attempt }: Context) => {
    if (attempt < failures) throw new Error(`try ${attempt}`);
    return "ok";
  });
  const made = node({ ...options, exec, post: (_shared: unknown, _prepared, result) => result });
  return { made, exec };
};

describe("attempts", () => {
  test("are the total tries, one by default", async () => {
    for (const [attempts, calls] of [
      [undefined, 1],
      [1, 1],
      [2, 2],
      [5, 5],
    ] as const) {
      const { made, exec } = flaky(99, { attempts });
      await expect(made.run({})).rejects.toThrow(`try ${calls - 1}`);
      expect(exec).toHaveBeenCalledTimes(calls);
    }
  });

  test("end at the first success", async () => {
    const { made, exec } = flaky(2, { attempts: 10 });
    expect(await made.run({})).toBe("ok");
    expect(exec).toHaveBeenCalledTimes(3);
  });

  test("repeat exec only, always with what prep returned", async () => {
    const prepared = {};
    const [prep, post] = [vi.fn(() => prepared), vi.fn()];
    const exec = vi.fn((_prepared: unknown, { attempt }: Context) => {
      if (attempt < 2) throw new Error("again");
    });
    await node({ attempts: 3, prep, exec, post }).run({});
    expect(prep).toHaveBeenCalledOnce();
    expect(post).toHaveBeenCalledOnce();
    expect(exec.mock.calls.map(([given]) => given)).toEqual([prepared, prepared, prepared]);
    for (const [given] of exec.mock.calls) expect(given).toBe(prepared);
  });

  test("that are used up throw the last error, the very object", async () => {
    const errors = [new Error("0"), new Error("1"), Object.freeze(new Error("2"))];
    const made = node({
      attempts: 3,
      exec: (_prepared: undefined, { attempt }) => {
        throw errors[attempt];
      },
    });
    expect(await rejection(made.run({}))).toBe(errors[2]);
  });

  test("start afresh at each visit of a loop", async () => {
    const seen: number[] = [];
    const loop = node({
      attempts: 2,
      exec: (_prepared: unknown, { attempt }) => {
        seen.push(attempt);
        if (attempt === 0) throw new Error("again");
      },
      post: (shared: { visits: number }) => (++shared.visits < 3 ? ("again" as const) : undefined),
    });
    loop.on("again", loop);
    await new Flow(loop).run({ visits: 0 });
    expect(seen).toEqual([0, 1, 0, 1, 0, 1]);
  });

  test("count rejections and sync throws alike, and errors that are undefined", async () => {
    let tries = 0;
    const made = node({
      attempts: 4,
      exec: () => {
        tries++;
        if (tries === 1) throw undefined;
        if (tries === 2) return Promise.reject();
        if (tries === 3) return Promise.reject(null);
        return tries;
      },
      post: (_shared: unknown, _prepared, result) => String(result),
    });
    expect(await made.run({})).toBe("4");
  });
});

describe("execFallback", () => {
  test("gets prep's result and the last error, once, and gives the result", async () => {
    const fallback = vi.fn(
      async (prepared: string, error: unknown) => `${prepared}: ${(error as Error).message}`,
    );
    const made = node({
      attempts: 3,
      prep: () => "prepared",
      exec: (_prepared: string, { attempt }): string => {
        throw new Error(`try ${attempt}`);
      },
      execFallback: fallback,
      post: (_shared: unknown, _prepared, result) => result,
    });
    expect(await made.run({})).toBe("prepared: try 2");
    expect(fallback).toHaveBeenCalledOnce();
  });

  test("is not called when an attempt succeeds", async () => {
    const { made } = flaky(1, { attempts: 2 });
    const fallback = vi.spyOn(made, "execFallback");
    await made.run({});
    expect(fallback).not.toHaveBeenCalled();
  });

  test.each([1, 2])("that throws replaces the error (attempts: %d)", async (attempts) => {
    const error = new Error("fallback");
    const { made } = flaky(99, { attempts, name: "Flaky" });
    vi.spyOn(made, "execFallback").mockRejectedValue(error);
    expect(await rejection(made.run({}))).toBe(error);
    expect(locate(error)).toMatchObject({ node: "Flaky", attempt: attempts - 1 });
  });

  test("that rethrows keeps the error and its place", async () => {
    const { made } = flaky(99, { attempts: 2, name: "Flaky" });
    vi.spyOn(made, "execFallback").mockImplementation((_prepared, error) => Promise.reject(error));
    const error = await rejection(made.run({}));
    expect(error).toMatchObject({ message: "try 1" });
    expect(locate(error)).toMatchObject({ node: "Flaky", attempt: 1 });
  });

  test("is called for an error that is not worth a retry too", async () => {
    const { made, exec } = flaky(99, { attempts: 5, retryIf: () => false });
    vi.spyOn(made, "execFallback").mockReturnValue("rescued");
    expect(await made.run({})).toBe("rescued");
    expect(exec).toHaveBeenCalledOnce();
  });
});

describe("retryIf", () => {
  test("is asked with each error but the last, and may be async", async () => {
    const retryIf = vi.fn(async (error: unknown) => (error as Error).message !== "try 2");
    const { made, exec } = flaky(99, { attempts: 10, retryIf });
    await expect(made.run({})).rejects.toThrow("try 2");
    expect(exec).toHaveBeenCalledTimes(3);
    expect(retryIf.mock.calls.map(([error]) => (error as Error).message)).toEqual([
      "try 0",
      "try 1",
      "try 2",
    ]);
    retryIf.mockClear();
    await rejection(flaky(99, { attempts: 2, retryIf }).made.run({}));
    expect(retryIf).toHaveBeenCalledOnce();
  });

  test("by default tries an exhausted quota and our own errors no more, but a timeout again", async () => {
    const triesOf = async (error: () => unknown, options: Options = {}) => {
      const exec = vi.fn(error);
      await rejection(node({ attempts: 3, ...options, exec }).run({}));
      return exec.mock.calls.length;
    };
    const quota = { status: 429, code: "insufficient_quota" };
    expect(await triesOf(() => Promise.reject(quota))).toBe(1);
    expect(await triesOf(() => Promise.reject({ status: 429, error: { type: "insufficient_quota" } }))).toBe(
      1,
    );
    expect(await triesOf(() => new Node({ name: "Inner", requires: ["x" as never] }).run({}))).toBe(1);
    expect(await triesOf(() => Promise.reject({ status: 500 }))).toBe(3);
    expect(await triesOf(() => deferred().promise, { timeout: 1 })).toBe(3);
    expect(await triesOf(() => Promise.reject(quota), { retryIf: () => true })).toBe(3);
  });

  test("that throws is the failure, and no further attempt is made", async () => {
    const error = new Error("retryIf");
    for (const retryIf of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]) {
      const { made, exec } = flaky(99, { attempts: 5, retryIf });
      expect(await rejection(made.run({}))).toBe(error);
      expect(exec).toHaveBeenCalledOnce();
    }
  });

  test("that throws for an item is collected with the others", async () => {
    const post = vi.fn();
    const batch = Object.assign(
      new BatchNode({
        attempts: 2,
        onError: "collect",
        retryIf: () => {
          throw "retryIf";
        },
      }),
      {
        prep: () => [0, 1],
        exec: (item: number) => {
          if (item === 0) throw "exec";
          return item;
        },
        post,
      },
    );
    await batch.run({});
    expect(post.mock.calls[0]![2]).toEqual([expect.objectContaining({ error: "retryIf", attempts: 1 }), 1]);
  });
});

describe("backoff", () => {
  /** The waits, in ms, that a node makes between its tries. */
  const waitsOf = async (options: Options): Promise<number[]> => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const timer = vi.spyOn(globalThis, "setTimeout");
    const run = rejection(flaky(Number.POSITIVE_INFINITY, options).made.run({}));
    await vi.runAllTimersAsync();
    await run;
    expect(vi.getTimerCount()).toBe(0);
    return timer.mock.calls.map(([, ms]) => ms as number);
  };

  test("is none by default: the next try comes at once", async () => {
    expect(await waitsOf({ attempts: 4 })).toEqual([]);
    expect(await waitsOf({ attempts: 4, backoff: 0 })).toEqual([]);
  });

  test("as a number is the same wait each time, and none after the last try", async () => {
    expect(await waitsOf({ attempts: 4, backoff: 500 })).toEqual([500, 500, 500]);
    expect(await waitsOf({ attempts: 1, backoff: 500 })).toEqual([]);
  });

  test("grows by its factor, 2 by default, up to its max", async () => {
    const none = { delay: 10, jitter: "none" } as const;
    expect(await waitsOf({ attempts: 5, backoff: none })).toEqual([10, 20, 40, 80]);
    expect(await waitsOf({ attempts: 5, backoff: { ...none, factor: 3, max: 100 } })).toEqual([
      10, 30, 90, 100,
    ]);
    expect(await waitsOf({ attempts: 4, backoff: { ...none, factor: 1 } })).toEqual([10, 10, 10]);
    expect(await waitsOf({ attempts: 4, backoff: { ...none, factor: 0.5 } })).toEqual([10, 5, 2.5]);
  });

  test("with full jitter, the default, is a random part of that", async () => {
    vi.spyOn(Math, "random").mockReturnValueOnce(0.5).mockReturnValueOnce(0.25).mockReturnValueOnce(0.999);
    expect(await waitsOf({ attempts: 4, backoff: { delay: 100 } })).toEqual([50, 50, 399.6]);
  });

  test("never overflows a timer, however often it grows", async () => {
    const waits = await waitsOf({ attempts: 2_000, backoff: { delay: 1_000, jitter: "none" } });
    expect(waits).toHaveLength(1_999);
    expect(Math.max(...waits)).toBe(2 ** 31 - 1);
    expect(await waitsOf({ attempts: 2, backoff: () => Number.POSITIVE_INFINITY })).toEqual([2 ** 31 - 1]);
    expect(await waitsOf({ attempts: 2_000, backoff: { delay: 0 } })).toEqual([]);
  });

  test("as a function is asked with the attempt that failed and its error, and may be async", async () => {
    const backoff = vi.fn(async (attempt: number, _error: unknown) => (attempt + 1) * 7);
    expect(await waitsOf({ attempts: 3, backoff })).toEqual([7, 14]);
    expect(backoff.mock.calls.map(([attempt, error]) => [attempt, (error as Error).message])).toEqual([
      [0, "try 0"],
      [1, "try 1"],
    ]);
  });

  test.each([Number.NaN, -1, "5", undefined, null])(
    "as a function that gives %s is an error that says so",
    async (wait) => {
      const { made, exec } = flaky(99, { attempts: 3, backoff: () => wait as never, name: "Flaky" });
      const error = await rejection(made.run({}));
      expect(error).toMatchObject({ code: "INVALID_OPTION", message: expect.stringContaining("`backoff`") });
      expect(locate(error)?.node).toBe("Flaky");
      expect(exec).toHaveBeenCalledOnce();
    },
  );

  test("as a function that throws is the failure", async () => {
    const error = new Error("backoff");
    const { made, exec } = flaky(99, {
      attempts: 3,
      backoff: () => {
        throw error;
      },
    });
    expect(await rejection(made.run({}))).toBe(error);
    expect(exec).toHaveBeenCalledOnce();
  });

  test("of one item does not hold up the others", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const ended: number[] = [];
    const batch = Object.assign(new AsyncParallelBatchNode({ attempts: 2, backoff: 1_000 }), {
      prep: () => [0, 1, 2],
      exec: async (item: number, { attempt }: Context) => {
        if (item === 0 && attempt === 0) throw new Error("again");
        ended.push(item);
      },
    });
    const run = batch.run({});
    await vi.advanceTimersByTimeAsync(999);
    expect(ended).toEqual([1, 2]);
    await vi.advanceTimersByTimeAsync(1);
    await run;
    expect(ended).toEqual([1, 2, 0]);
  });
});

describe("timeout", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));

  test("ends an exec that ignores its signal, with an error that names the node and the time", async () => {
    const run = rejection(node({ name: "Slow", timeout: 250, exec: () => deferred().promise }).run({}));
    await vi.advanceTimersByTimeAsync(249);
    let settled = false;
    void run.then(() => {
      settled = true;
    });
    await turn();
    expect(settled).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const error = await run;
    expect(error).toMatchObject({ code: "TIMEOUT" });
    expect((error as Error).message).toMatch(/"Slow".*250/);
  });

  test("is for each attempt apart, and not for the backoff between", async () => {
    const starts: number[] = [];
    let now = 0;
    const made = node({
      attempts: 3,
      timeout: 100,
      backoff: 1_000,
      exec: () => {
        starts.push(now);
        return deferred().promise;
      },
    });
    const run = rejection(made.run({}));
    for (; now < 3_000; now += 50) await vi.advanceTimersByTimeAsync(50);
    expect(await run).toMatchObject({ code: "TIMEOUT" });
    expect(starts).toEqual([0, 1_050, 2_150].map((start) => Math.ceil(start / 50) * 50));
  });

  test("that did not strike leaves no timer", async () => {
    for (const exec of [() => 1, async () => 1, () => Promise.reject(new Error("x"))]) {
      await node({ timeout: 1_000, exec, execFallback: () => 2 })
        .run({})
        .catch(() => {});
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  test("ignores what an abandoned exec gives or throws later", async () => {
    const holds = [deferred<string>(), deferred<string>()];
    const made = node({
      attempts: 3,
      timeout: 100,
      exec: (_prepared: undefined, { attempt }) => holds[attempt]?.promise ?? "third",
      post: async (_shared: unknown, _prepared, result) => {
        holds[0]!.resolve("late");
        holds[1]!.reject(new Error("late"));
        await turn();
        return result as string;
      },
    });
    const run = made.run({});
    await vi.advanceTimersByTimeAsync(200);
    expect(await run).toBe("third");
  });

  test("leads to the fallback when the attempts are used up", async () => {
    const fallback = vi.fn((_prepared: unknown, error: unknown) => (error as { code: string }).code);
    const made = node({
      timeout: 10,
      exec: (): Promise<string> => deferred<string>().promise,
      execFallback: fallback,
      post: (_shared: unknown, _prepared: undefined, result) => result,
    });
    const run = made.run({});
    await vi.advanceTimersByTimeAsync(10);
    expect(await run).toBe("TIMEOUT");
  });

  test("strikes each item on its own clock", async () => {
    const post = vi.fn();
    const batch = Object.assign(
      new AsyncParallelBatchNode({ timeout: 100, concurrency: 1, onError: "collect" }),
      {
        prep: () => [60, 160, 60],
        exec: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms, ms)),
        post,
      },
    );
    const run = batch.run({});
    await vi.advanceTimersByTimeAsync(400);
    await run;
    expect(post.mock.calls[0]![2]).toEqual([
      60,
      expect.objectContaining({ index: 1, error: expect.objectContaining({ code: "TIMEOUT" }) }),
      60,
    ]);
  });
});

describe("cost", () => {
  const gated = (cost: (input: unknown) => never, options: Options = {}) => {
    const exec = vi.fn();
    const made = node({
      name: "Costly",
      gate: new Gate({ rate: { tokens: 100, per: 1_000 } }),
      ...options,
      cost,
      exec,
    });
    return { made, exec };
  };

  test("that throws is an attempt that failed, and exec is not called", async () => {
    const error = new Error("cost");
    const cost = vi.fn((): never => {
      throw error;
    });
    const { made, exec } = gated(cost, { attempts: 2 });
    expect(await rejection(made.run({}))).toBe(error);
    expect(locate(error)).toMatchObject({ node: "Costly", attempt: 1 });
    expect(cost).toHaveBeenCalledTimes(2);
    expect(exec).not.toHaveBeenCalled();
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, "3", undefined, null])(
    "of %s is refused",
    async (tokens) => {
      const { made, exec } = gated(() => tokens as never, { attempts: 3 });
      const error = await rejection(made.run({}));
      expect(error).toMatchObject({ code: "INVALID_COST", message: expect.stringContaining('"Costly"') });
      expect(exec).not.toHaveBeenCalled();
    },
  );

  test("is not asked for without a gate", async () => {
    const cost = vi.fn();
    await node({ cost: cost as never, attempts: 2 }).run({});
    expect(cost).not.toHaveBeenCalled();
  });
});
