// A gate whose limits are shared keeps every promise of a gate of its own; and what it asks of the shared limit.
import { Gate, type GateOptions, node, SharedLimit, SluiceError } from "sluice";
import { afterEach, describe, expect, test, vi } from "vitest";
import { MemoryLimit, MemoryPlace } from "../support/memory-limit.js";

/** A place that grants from the start. */
class OpenPlace extends MemoryPlace {
  override readonly grace = 0;
}

const limits: MemoryLimit[] = [];
afterEach(async () => {
  for (const limit of limits.splice(0)) await limit.close();
});

function shared(options: GateOptions, place: MemoryPlace = new OpenPlace()) {
  const limit = new MemoryLimit(place);
  limits.push(limit);
  return { gate: new Gate({ ...options, shared: limit }), limit, place };
}

const blocked = () => {
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { until, release };
};
const soon = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 2 });

describe("options", () => {
  test("what cannot be shared is refused", () => {
    const limit = new MemoryLimit();
    const make = (options: object) => () => new Gate(options as GateOptions);
    expect(make({ shared: limit })).toThrow(/`shared` to be combined with `concurrency` or `rate`/);
    expect(make({ shared: limit, concurrency: { start: 2 } })).toThrow(
      /`concurrency` to be a number where the limit is shared/,
    );
    expect(make({ shared: {}, concurrency: 2 })).toThrow(/`shared` to be a SharedLimit/);
    expect(make({ shared: "redis://localhost", concurrency: 2 })).toThrow(/redisLimit\(\)/);
  });

  test("stats() gives the limit of all, and why calls are blocked only where a limit is shared", async () => {
    const { gate } = shared({ concurrency: 7 });
    expect(gate.stats()).toMatchObject({ limit: 7, running: 0, waiting: 0 });
    expect("blocked" in gate.stats()).toBe(true);
    expect("blocked" in new Gate({ concurrency: 7 }).stats()).toBe(false);
  });
});

describe("slots", () => {
  test("two gates have no more than the limit, and both get some", async () => {
    const place = new OpenPlace();
    const gates = [shared({ concurrency: 4 }, place).gate, shared({ concurrency: 4 }, place).gate];
    const running = [0, 0];
    let most = 0;
    const seen = [0, 0];
    const call = (at: number) =>
      gates[at]?.run(async () => {
        running[at] = (running[at] ?? 0) + 1;
        seen[at] = (seen[at] ?? 0) + 1;
        most = Math.max(most, (running[0] ?? 0) + (running[1] ?? 0));
        await new Promise((resolve) => setTimeout(resolve, 1));
        running[at] = (running[at] ?? 0) - 1;
      });
    await Promise.all(Array.from({ length: 60 }, (_, at) => call(at % 2)));
    expect(most).toBe(4);
    expect(seen).toEqual([30, 30]);
  });

  test("calls start in the order in which they came", async () => {
    const { gate } = shared({ concurrency: 2, rate: { requests: 10_000, per: 1_000, burst: 1_000 } });
    const order: number[] = [];
    await Promise.all(Array.from({ length: 50 }, (_, at) => gate.run(async () => order.push(at))));
    expect(order).toEqual(Array.from({ length: 50 }, (_, at) => at));
  });

  test("a nested call borrows the slot of its caller", async () => {
    const { gate } = shared({ concurrency: 1 });
    const result = await gate.run((ctx) => gate.run(() => "inner", { ctx }));
    expect(result).toBe("inner");
  });

  test("an abandoned call keeps its slot until it ends", async () => {
    const place = new OpenPlace();
    const { gate } = shared({ concurrency: 1 }, place);
    const { gate: other } = shared({ concurrency: 1 }, place);
    const { until, release } = blocked();
    const abort = new AbortController();
    const call = gate.run(() => until, { signal: abort.signal });
    await soon(() => expect(gate.stats().running).toBe(1));
    abort.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    let started = false;
    const next = other.run(() => {
      started = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([started, gate.stats().running]).toEqual([false, 1]);
    release();
    await next;
    expect(started).toBe(true);
  });

  test("a gate that has all slots asks for no more while calls wait for one", async () => {
    const { gate, limit } = shared({ concurrency: 1 });
    const { until, release } = blocked();
    const first = gate.run(() => until);
    await soon(() => expect(gate.stats().running).toBe(1));
    const second = gate.run(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(limit.requests.length).toBeLessThan(5);
    release();
    await Promise.all([first, second]);
  });

  test("slots that no call uses go to the other gate", async () => {
    const place = new OpenPlace();
    const { gate } = shared({ concurrency: 2 }, place);
    const { gate: other } = shared({ concurrency: 2 }, place);
    await Promise.all([gate.run(() => {}), gate.run(() => {})]);
    const { until, release } = blocked();
    const calls = [other.run(() => until), other.run(() => until)];
    await soon(() => expect(other.stats().running).toBe(2));
    release();
    await Promise.all(calls);
  });
});

describe("permits", () => {
  test("a call that is aborted while it waits gives back what it was granted", async () => {
    const { gate, place } = shared({ rate: { tokens: 100, per: 1_000, burst: 100 } });
    const abort = new AbortController();
    const call = gate.run(() => {}, { tokens: 90, signal: abort.signal });
    await soon(() => expect(place.level.tokens).toBeLessThan(-50));
    abort.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await soon(() => expect(place.level.tokens).toBeGreaterThan(-10));
    expect(gate.stats()).toMatchObject({ waiting: 0, started: 0 });
  });

  test("what a call cost beyond its reservation is owed by all gates", async () => {
    const { gate, place } = shared({ rate: { tokens: 10_000, per: 1_000 } });
    await gate.run(({ charge }) => charge(30_000), { tokens: 0 });
    await soon(() => expect(place.level.tokens).toBeLessThan(-15_000));
    expect(gate.stats().spent).toEqual({ calls: 1, tokens: 30_000 });
  });

  test("a call that costs more than a whole period is refused at once", async () => {
    const { gate, limit } = shared({ rate: { tokens: 10, per: 1_000 } });
    await expect(gate.run(() => {}, { tokens: 11 })).rejects.toMatchObject({ code: "COST_TOO_HIGH" });
    expect(limit.requests).toEqual([]);
  });
});

describe("a refusal", () => {
  const refusal = (ms: number) =>
    Object.assign(new Error("slow down"), { status: 429, headers: { "retry-after-ms": `${ms}` } });

  test("pauses all gates, and the refused call goes again", async () => {
    const place = new OpenPlace();
    const { gate } = shared({ concurrency: 4 }, place);
    const { gate: other } = shared({ concurrency: 4 }, place);
    await other.run(() => {});
    let calls = 0;
    let pausedUntil = Number.POSITIVE_INFINITY;
    const call = gate.run(() => {
      if (++calls > 1) return "answer";
      pausedUntil = performance.now() + 250;
      throw refusal(250);
    });
    await soon(() => expect(gate.stats().pausedUntil).toBeDefined());
    await new Promise((resolve) => setTimeout(resolve, 110)); // what the other was granted before has lapsed
    const started = await other.run(() => performance.now());
    expect(started).toBeGreaterThanOrEqual(pausedUntil - 1);
    expect(await call).toBe("answer");
    expect([calls, gate.stats().refused]).toEqual([2, 1]);
  });
});

describe("an unreachable limit", () => {
  test("starts nothing; calls that wait say why, and go on", async () => {
    const { gate, limit } = shared({ concurrency: 2 });
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    limit.failure = new Error("no route");
    const call = gate.run(() => "answer");
    await soon(() => expect(gate.stats().blocked).toMatch(/unreachable.*no route/));
    expect(gate.stats()).toMatchObject({ waiting: 1, started: 0 });
    limit.failure = undefined;
    expect(await call).toBe("answer");
    expect(gate.stats().blocked).toBeUndefined();
    expect(warn.mock.calls.map(([, options]) => (options as unknown as { code: string }).code)).toEqual([
      "SLUICE_LIMIT_AWAY",
    ]);
    warn.mockRestore();
  });

  test("an error that waiting does not fix fails the waiting calls, and the next call tries again", async () => {
    const { gate, limit } = shared({ concurrency: 1 });
    limit.failure = new SluiceError("INVALID_OPTION", "wrong place");
    const calls = await Promise.allSettled([gate.run(() => {}), gate.run(() => {})]);
    expect(calls.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(gate.stats()).toMatchObject({ waiting: 0, running: 0 });
    limit.failure = undefined;
    expect(await gate.run(() => "answer")).toBe("answer");
  });

  test("a gate with other limits fails", async () => {
    const place = new OpenPlace();
    await shared({ concurrency: 1 }, place).gate.run(() => {});
    await expect(shared({ concurrency: 2 }, place).gate.run(() => {})).rejects.toMatchObject({
      code: "LIMIT_DIFFERS",
    });
  });
});

describe("the end", () => {
  test("close() rejects calls that wait and later ones; calls that run end, and what is left goes back", async () => {
    const place = new OpenPlace();
    const { gate, limit } = shared({ concurrency: 1 }, place);
    const { until, release } = blocked();
    const running = gate.run(() => until.then(() => "answer"));
    await soon(() => expect(gate.stats().running).toBe(1));
    const waiting = gate.run(() => {});
    const ended = expect(waiting).rejects.toMatchObject({ code: "LIMIT_CLOSED" });
    await limit.close();
    await ended;
    await expect(gate.run(() => {})).rejects.toMatchObject({ code: "LIMIT_CLOSED" });
    release();
    expect(await running).toBe("answer");
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
    expect(limit).toBeInstanceOf(SharedLimit);
  });

  test("a drained run leaves the queue", async () => {
    const { gate } = shared({ concurrency: 1 });
    const { until, release } = blocked();
    const first = gate.run(() => until);
    await soon(() => expect(gate.stats().running).toBe(1));
    const drain = new AbortController();
    const run = node({ gate, exec: () => "never" }).run({}, { drain: drain.signal });
    await soon(() => expect(gate.stats().waiting).toBe(1));
    drain.abort(new Error("drained"));
    await expect(run).rejects.toThrow("drained");
    expect(gate.stats().waiting).toBe(0);
    release();
    await first;
  });
});
