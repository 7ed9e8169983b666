// A gate: its options, its slots, what it tells of itself. Time is faked; what needs the real clock is in the *.clock.test.ts files.
import {
  AsyncParallelBatchNode,
  Flow,
  Gate,
  type GateOptions,
  type GateRunOptions,
  Node,
  node,
  SluiceError,
} from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, sleep, turn, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { controller, slotsFree, stop } from "../support/gate-calls.js";
import { InFlight } from "../support/in-flight.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

describe("options", () => {
  test.each([
    [
      { concurrency: 0 },
      /Expected|expected `concurrency` to be a positive integer or Infinity, or \{ start, min, max \}, got 0/,
    ],
    [{ concurrency: -1 }, /`concurrency`/],
    [{ concurrency: 1.5 }, /`concurrency`/],
    [{ concurrency: Number.NaN }, /`concurrency`/],
    [{ concurrency: "2" }, /`concurrency`.*"2" \(string\)/],
    [{ rate: 5 }, /`rate` to be an object/],
    [{ rate: [] }, /`rate` to be an object/],
    [{ rate: { requests: 10 } }, /`per` to be given/],
    [{ rate: { per: 1_000 } }, /`requests` to be given, or `tokens`/],
    [{ rate: { requests: 0, per: 1_000 } }, /`requests`.*got 0/],
    [{ rate: { requests: Number.POSITIVE_INFINITY, per: 1_000 } }, /`requests`/],
    [{ rate: { tokens: -5, per: 1_000 } }, /`tokens`/],
    [{ rate: { requests: 1, per: 0 } }, /`per`/],
    [{ rate: { requests: 1, per: "1s" } }, /`per`/],
    [{ rate: { requests: 1, per: 1_000, burst: -1 } }, /`burst`.*got -1/],
    [{ rate: { requests: 1, per: 1_000, burst: 0 } }, /`burst`/],
    [{ retryAfter: 1_000 }, /`retryAfter` to be a function/],
    [{ maxPauses: -1 }, /`maxPauses`/],
    [{ maxPauses: 1.5 }, /`maxPauses`/],
  ])("%j is refused, and the message names the option", (options, message) => {
    const make = () => new Gate(options as GateOptions);
    expect(make).toThrow(SluiceError);
    expect(make).toThrow(message);
    try {
      make();
    } catch (error) {
      expect((error as SluiceError).code).toBe("INVALID_OPTION");
    }
  });

  test.each([
    [{ concurency: 2 }, "did you mean `concurrency`?"],
    [{ rate: { request: 5, per: 1_000 } }, "did you mean `requests`?"],
    [{ rate: { requests: 5, per: 1_000, bursts: 5 } }, "did you mean `burst`?"],
    [{ retryafter: () => 1 }, "did you mean `retryAfter`?"],
  ])("%j is refused with the name that was meant", (options, hint) => {
    const make = () => new Gate(options as GateOptions);
    expect(make).toThrow(expect.objectContaining({ code: "UNKNOWN_OPTION" }));
    expect(make).toThrow(hint);
  });

  test("a gate needs no options, and options that are undefined count as left out", async () => {
    const gate = new Gate({ concurrency: undefined, rate: undefined, retryAfter: undefined });
    const inFlight = new InFlight();
    const calls = Array.from({ length: 100 }, () => gate.run(() => inFlight.during(turn)));
    await Promise.all(calls);
    expect(inFlight.peak).toBe(100);
    await expect(new Gate().run(() => "through")).resolves.toBe("through");
  });

  test.each([
    [{ tokens: -1 }, "tokens"],
    [{ tokens: Number.NaN }, "tokens"],
    [{ tokens: Number.POSITIVE_INFINITY }, "tokens"],
    [{ tokens: "5" }, "tokens"],
    [{ signal: {} }, "signal"],
    [{ signal: "abort" }, "signal"],
    [{ ctx: {} }, "ctx"],
    [{ ctx: "ctx" }, "ctx"],
  ])("gate.run() refuses %j and calls nothing", async (options, name) => {
    const gate = new Gate({ concurrency: 1 });
    const call = vi.fn();
    const run = gate.run(call, options as GateRunOptions);
    await expect(run).rejects.toMatchObject({
      code: "INVALID_OPTION",
      message: expect.stringContaining(`\`${name}\``),
    });
    expect(call).not.toHaveBeenCalled();
  });

  test("gate.run() refuses an unknown option and what is no function, as a rejection", async () => {
    const gate = new Gate();
    await expect(gate.run(() => 1, { token: 5 } as GateRunOptions)).rejects.toThrow("did you mean `tokens`?");
    await expect(gate.run("call" as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  test("a node refuses what is no gate, and a wrong private rate", () => {
    expect(() => new Node({ gate: {} as Gate })).toThrow(/`gate` to be a Gate/);
    expect(() => new Node({ rate: { requests: 5 } as never })).toThrow(/`per` to be given/);
    expect(() => new AsyncParallelBatchNode({ rate: { per: 5, token: 1 } as never })).toThrow(
      "did you mean `tokens`?",
    );
  });
});

describe("slots", () => {
  test.each([1, 2, 7])("no more than %i calls are in flight, and all of them are used", async (limit) => {
    const gate = new Gate({ concurrency: limit });
    const inFlight = new InFlight();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        gate.run(() =>
          inFlight.during(async () => {
            for (let turns = 0; turns < (i * 7) % 5; turns++) await turn();
          }),
        ),
      ),
    );
    expect(inFlight).toMatchObject({ peak: limit, total: 50, now: 0 });
    expect(await slotsFree(gate, limit)).toBe(true);
  });

  test("the result, sync or async, is the call's own", async () => {
    const gate = new Gate({ concurrency: 1 });
    await expect(gate.run(() => 5)).resolves.toBe(5);
    await expect(gate.run(async () => "six")).resolves.toBe("six");
    await expect(gate.run(() => undefined)).resolves.toBeUndefined();
  });

  test("first come, first served", async () => {
    const gate = new Gate({ concurrency: 2 });
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        gate.run(async () => {
          order.push(i);
          await turn();
        }),
      ),
    );
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test("a call that throws gives its slot back, whether it throws at once or later", async () => {
    const gate = new Gate({ concurrency: 1 });
    const failure = new Error("no");
    const sync = gate.run(() => {
      throw failure;
    });
    const async = gate.run(async () => {
      await turn();
      throw failure;
    });
    await expect(sync).rejects.toBe(failure);
    await expect(async).rejects.toBe(failure);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("hooks that throw leave no slot taken: exec, execFallback, cost, post, a listener of the signal", async () => {
    const gate = new Gate({ concurrency: 2 });
    const fail = () => {
      throw new Error("no");
    };
    const broken = [
      node({ gate, exec: fail }),
      node({ gate, exec: fail, execFallback: fail }),
      node({ gate, cost: fail, exec: () => 1 }),
      node({ gate, cost: async () => fail(), exec: () => 1 }),
      node({ gate, exec: () => 1, post: fail }),
      node({ gate, exec: fail, attempts: 3, retryIf: fail }),
      node({ gate, exec: fail, attempts: 3, backoff: fail }),
      node({ gate, exec: (_, { charge }) => charge(-1) }),
    ];
    for (const each of broken) await expect(new Flow(each).run({})).rejects.toThrow();

    class Broken extends AsyncParallelBatchNode<object, number, number, "throw" | "collect"> {
      override prep() {
        return [1, 2, 3, 4, 5];
      }
      override exec(item: number) {
        if (item === 4) throw new Error("no");
        return item;
      }
    }
    await expect(new Flow(new Broken({ gate })).run({})).rejects.toThrow("no");
    await new Flow(new Broken({ gate, onError: "collect" })).run({});
    expect(await slotsFree(gate, 2)).toBe(true);
  });

  test("a waiting call that is aborted rejects at once with the reason, and the others keep their order", async () => {
    const gate = new Gate({ concurrency: 1 });
    const order: string[] = [];
    let end: () => void = () => {};
    const first = gate.run(() => new Promise<void>((resolve) => (end = resolve)));
    const { signal, abort } = controller();
    const second = gate.run(() => order.push("second"), { signal });
    const third = gate.run(() => order.push("third"));
    await turn();
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 2 });
    abort(stop);
    await expect(second).rejects.toBe(stop);
    await turn();
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 1 });
    end();
    await Promise.all([first, third]);
    expect(order).toEqual(["third"]);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test("a call whose signal has fired before it came does not start and costs nothing", async () => {
    const gate = new Gate({ concurrency: 1, rate: { requests: 5, per: 1_000 } });
    const call = vi.fn();
    const before = gate.stats();
    await expect(gate.run(call, { signal: AbortSignal.abort(stop) })).rejects.toBe(stop);
    await turn();
    expect(call).not.toHaveBeenCalled();
    expect(gate.stats()).toEqual(before);
  });

  test("an aborted call that ignores its signal rejects at once and keeps its slot until it really ends", async () => {
    const gate = new Gate({ concurrency: 1 });
    const { signal, abort } = controller();
    const call = gate.run(() => sleep(100), { signal });
    const next = vi.fn();
    const waiting = gate.run(next);
    await advance(10);
    abort(stop);
    await expect(call).rejects.toBe(stop);
    await advance(80);
    expect(next).not.toHaveBeenCalled();
    await advance(20);
    await waiting;
    expect(next).toHaveBeenCalledOnce();
  });

  test("the context's signal fires with the caller's, and is a signal also without one", async () => {
    const gate = new Gate();
    const { signal, abort } = controller();
    let seen: AbortSignal | undefined;
    const call = gate.run(
      (ctx) => {
        seen = ctx.signal;
        return new Promise((_, reject) =>
          ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason)),
        );
      },
      { signal },
    );
    await turn();
    abort(stop);
    await expect(call).rejects.toBe(stop);
    expect(seen?.aborted).toBe(true);
    await expect(gate.run((ctx) => ctx.signal.aborted)).resolves.toBe(false);
  });
});

describe("stats()", () => {
  test("of a new gate", () => {
    expect(new Gate().stats()).toEqual({
      running: 0,
      waiting: 0,
      requestsLeft: Number.POSITIVE_INFINITY,
      tokensLeft: Number.POSITIVE_INFINITY,
      pausedUntil: undefined,
      started: 0,
      refused: 0,
      spent: { calls: 0, tokens: 0 },
      limit: Number.POSITIVE_INFINITY,
    });
    expect(
      new Gate({ concurrency: 2, rate: { requests: 10, tokens: 50, per: 1_000 } }).stats(),
    ).toMatchObject({
      requestsLeft: 9,
      tokensLeft: 49,
    });
  });

  test("counts calls that run, that wait for a slot and that wait for permits", async () => {
    const gate = new Gate({ concurrency: 2, rate: { requests: 1, per: 1_000 } });
    const calls = Promise.all(Array.from({ length: 4 }, () => gate.run(() => sleep(100))));
    await turn();
    expect(gate.stats()).toMatchObject({ running: 1, waiting: 3, started: 1, requestsLeft: 0 });
    await advance(200);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 3 });
    await advance(4_000);
    await calls;
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0, started: 4 });
  });

  test("counts a nested call that waits for a lent slot", async () => {
    const gate = new Gate({ concurrency: 1 });
    const work = gate.run((ctx) => Promise.all([1, 2, 3].map(() => gate.run(() => sleep(20), { ctx }))));
    await advance(5);
    expect(gate.stats()).toMatchObject({ running: 2, waiting: 2 });
    await advance(70);
    await work;
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("never shows a number below 0, nor a fraction", async () => {
    const gate = new Gate({ rate: { requests: 3, tokens: 7, per: 1_000 } });
    await gate.run(({ charge }) => charge(500));
    await advance(50);
    expect(gate.stats()).toMatchObject({ requestsLeft: 2, tokensLeft: 0 });
  });
});
