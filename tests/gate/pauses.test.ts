// A refused call pauses the gate and goes again; which errors do that is up to `retryAfter`. Time is faked; what needs the real clock is in the *.clock.test.ts files.
import { Flow, Gate, type GateOptions, node } from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, sleep, turn, untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";
import { controller, refusal, slotsFree, starter, stop } from "../support/gate-calls.js";

beforeEach(useFakeClock);
afterEach(useRealClock);

describe("429", () => {
  test("pauses the whole gate as long as the vendor says, then that call goes again", async () => {
    const gate = new Gate({ concurrency: 4 });
    const { starts, start } = starter(gate);
    let tries = 0;
    const refused = start({}, () => {
      if (tries++ === 0) throw refusal(500);
      return "done";
    });
    await turn();
    const others = Promise.all([start(), start(), start()]);
    await advance(499);
    expect(starts).toEqual([0]);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 4, refused: 1 });
    await advance(5);
    await others;
    await expect(refused).resolves.toBe("done");
    expect(starts).toHaveLength(5);
    for (const at of starts.slice(1)) expect(at).toBeGreaterThanOrEqual(500);
    expect(gate.stats()).toMatchObject({ started: 5, refused: 1, running: 0, waiting: 0 });
  });

  test("no call starts during a pause, at a gate with slots, with a rate, with both or with neither", async () => {
    const rate = { requests: 1_000, tokens: 1_000, per: 1_000 };
    for (const options of [{}, { concurrency: 2 }, { rate }, { concurrency: 2, rate }] as GateOptions[]) {
      const gate = new Gate(options);
      const { starts, start } = starter(gate);
      let tries = 0;
      const work = () => {
        if (tries++ === 0) throw refusal(200);
      };
      const calls = [start({}, work)];
      for (let i = 0; i < 10; i++) {
        await advance(15);
        calls.push(start());
      }
      await advance(200);
      await Promise.all(calls);
      expect(starts).toHaveLength(12);
      for (const at of starts.slice(1)) expect(at).toBeGreaterThanOrEqual(200);
    }
  });

  test("a call in flight goes on during a pause, and a longer pause wins over a shorter one", async () => {
    const gate = new Gate();
    const { starts, start } = starter(gate);
    const tries = { short: 0, long: 0 };
    const calls = Promise.all([
      start({}, async () => {
        await turn();
        if (tries.long++ === 0) throw refusal(800);
      }),
      start({}, async () => {
        await sleep(100);
        if (tries.short++ === 0) throw refusal(200);
      }),
      start({}, () => sleep(300)),
    ]);
    await advance(310);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 2 });
    await advance(480);
    expect(starts).toHaveLength(3);
    await advance(150);
    await calls;
    expect(starts).toHaveLength(5);
    expect(starts[3]).toBeGreaterThanOrEqual(800);
  });

  test("the gate's stats have the end of the pause", async () => {
    const gate = new Gate();
    const zero = Date.now();
    expect(gate.stats().pausedUntil).toBeUndefined();
    let tries = 0;
    const call = gate.run(() => {
      if (tries++ === 0) throw refusal(2_000);
    });
    await advance(500);
    expect(gate.stats().pausedUntil).toBe(zero + 2_000);
    await advance(1_600);
    await call;
    expect(gate.stats().pausedUntil).toBeUndefined();
  });

  test("is not an attempt: a node with one attempt sits it out, and the attempt's number stays", async () => {
    const gate = new Gate({ concurrency: 1 });
    const attempts: number[] = [];
    const flow = new Flow(
      node({
        gate,
        exec: (_: unknown, { attempt }) => {
          attempts.push(attempt);
          if (attempts.length < 4) throw refusal(100);
        },
      }),
    );
    const run = flow.run({});
    await advance(100 + 1_250 + 2_500 + 50);
    await run;
    expect(attempts).toEqual([0, 0, 0, 0]);
    expect(gate.stats()).toMatchObject({ started: 4, refused: 3 });
  });

  test.each([
    [undefined, 9],
    [2, 3],
    [0, 1],
  ])("after maxPauses (%s) in a row the error is the call's failure", async (maxPauses, calls) => {
    const gate = new Gate({ maxPauses });
    const error = refusal(10);
    const call = vi.fn(() => {
      throw error;
    });
    const failed = expect(gate.run(call)).rejects.toBe(error);
    await untilDone(failed);
    expect(call).toHaveBeenCalledTimes(calls);
    expect(gate.stats().refused).toBe(calls);
  });

  test("a refused call keeps its place: after the pause it starts before calls that arrived later", async () => {
    const gate = new Gate({ rate: { requests: 10, per: 1_000, burst: 100 } });
    const order: string[] = [];
    let tries = 0;
    const calls = ["first", "second", "third", "fourth"].map((name) =>
      gate.run(() => {
        order.push(name);
        if (name === "first" && tries++ === 0) throw refusal(50);
      }),
    );
    await advance(800);
    await Promise.all(calls);
    expect(order).toEqual(["first", "first", "second", "third", "fourth"]);
  });

  test("also the last 429 of a call pauses the gate for the others", async () => {
    const gate = new Gate({ maxPauses: 0 });
    const { starts, start } = starter(gate);
    const error = refusal(200);
    await expect(gate.run(() => Promise.reject(error))).rejects.toBe(error);
    const other = start();
    await advance(190);
    expect(starts).toEqual([]);
    await advance(20);
    await other;
    expect(starts).toHaveLength(1);
  });

  test("each attempt has its own maxPauses, and the failure goes to retryIf and the fallback as it is", async () => {
    const gate = new Gate({ concurrency: 1, maxPauses: 1 });
    const error = refusal(10);
    const exec = vi.fn(() => {
      throw error;
    });
    const retryIf = vi.fn(() => true);
    const flow = new Flow(
      node({
        gate,
        attempts: 3,
        retryIf,
        exec,
        execFallback: (_p, last) => last === error,
        post: (_s, _p, same) => `${same}`,
      }),
    );
    const run = flow.run({});
    await untilDone(run);
    await expect(run).resolves.toBe("true");
    expect(exec).toHaveBeenCalledTimes(6);
    expect(retryIf).toHaveBeenCalledTimes(2);
  });

  test("an exhausted quota fails at once, pauses no other call and is not retried", async () => {
    const gate = new Gate({ concurrency: 1 });
    const error = Object.assign(refusal(10), { code: "insufficient_quota" });
    const exec = vi.fn(() => {
      throw error;
    });
    await expect(new Flow(node({ gate, attempts: 3, exec })).run({})).rejects.toBe(error);
    expect(exec).toHaveBeenCalledOnce();
    expect(gate.stats()).toMatchObject({ pausedUntil: undefined, refused: 0 });
  });

  test("a walk's failure with status 429 is no pause: its nodes have gates of their own", async () => {
    const gate = new Gate();
    const error = refusal(500);
    const inner = node({
      exec: () => {
        throw error;
      },
    });
    await expect(new Flow(inner, { gate }).run({})).rejects.toBe(error);
    expect(gate.stats().pausedUntil).toBeUndefined();
  });

  test("an abort ends the pause at once for the call that waits in it", async () => {
    const gate = new Gate({ concurrency: 1 });
    const call = vi.fn(() => {
      throw refusal(60_000);
    });
    const { signal, abort } = controller();
    const waiting = gate.run(call, { signal });
    await advance(50);
    abort(stop);
    await expect(waiting).rejects.toBe(stop);
    await advance(5);
    expect(call).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("a wait longer than a timer can be is waited for, not fired at once", async () => {
    const gate = new Gate({ maxPause: 2 ** 40 });
    const ms = 2 ** 31 + 5_000;
    let tries = 0;
    const call = gate.run(() => {
      if (tries++ === 0) throw refusal(ms);
    });
    const started = vi.spyOn(globalThis, "setTimeout");
    await advance(100);
    expect(tries).toBe(1);
    expect(started.mock.calls.length).toBeLessThan(5); // a timer over its longest would fire at once, again and again
    started.mockRestore();
    vi.advanceTimersByTime(2 ** 31);
    await advance(10);
    expect(tries).toBe(1);
    await advance(5_000);
    await call;
    expect(tries).toBe(2);
  });

  test("the pause empties what was saved up, for the vendor has nothing left", async () => {
    const gate = new Gate({ rate: { requests: 10, per: 1_000 } });
    let tries = 0;
    const { starts, start } = starter(gate);
    const calls = [
      start({}, () => {
        if (tries++ === 0) throw refusal(100);
      }),
    ];
    await turn();
    for (let i = 0; i < 5; i++) calls.push(start());
    await advance(800);
    await Promise.all(calls);
    for (const [i, at] of starts.slice(1).entries()) {
      expect(at).toBeGreaterThanOrEqual(((i + 1) * 1_000) / 9.9 - 1);
    }
  });
});

describe("retryAfter, the option", () => {
  const failing = (gate: Gate, error: unknown) => {
    const calls: number[] = [];
    const zero = performance.now();
    const run = gate.run(() => {
      calls.push(performance.now() - zero);
      if (calls.length === 1) throw error;
      return "done";
    });
    return { calls, run };
  };

  test("gives the pause in milliseconds for any error", async () => {
    const busy = new Error("SlowDown");
    const { calls, run } = failing(
      new Gate({ retryAfter: (error) => (error === busy ? 300 : undefined) }),
      busy,
    );
    await advance(350);
    await expect(run).resolves.toBe("done");
    expect(calls).toHaveLength(2);
    expect(calls[1]).toBeGreaterThanOrEqual(300);
  });

  test("undefined leaves it to the built-in reading", async () => {
    const { calls, run } = failing(new Gate({ retryAfter: () => undefined }), refusal(200));
    await advance(250);
    await run;
    expect(calls[1]).toBeGreaterThanOrEqual(200);
  });

  test("false makes even a 429 the call's failure", async () => {
    const error = refusal(200);
    const { run } = failing(new Gate({ retryAfter: () => false }), error);
    await expect(run).rejects.toBe(error);
  });

  test("0 sends the call again at once", async () => {
    const { calls, run } = failing(new Gate({ retryAfter: () => 0 }), new Error("blip"));
    await advance(5);
    await run;
    expect(calls).toHaveLength(2);
  });

  test("that throws fails the call with what it threw, and frees the slot", async () => {
    const broken = new Error("broken");
    const gate = new Gate({
      concurrency: 1,
      retryAfter: () => {
        throw broken;
      },
    });
    const { run } = failing(gate, refusal(10));
    await expect(run).rejects.toBe(broken);
    expect(await slotsFree(gate, 1)).toBe(true);
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, "100", true, null])(
    "that returns %s is an error that says what it may return",
    async (value) => {
      const gate = new Gate({ concurrency: 1, retryAfter: () => value as never });
      const { run } = failing(gate, new Error("no"));
      await expect(run).rejects.toMatchObject({
        code: "INVALID_OPTION",
        message: expect.stringContaining("`retryAfter`"),
      });
      expect(await slotsFree(gate, 1)).toBe(true);
    },
  );
});
