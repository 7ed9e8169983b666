// What a gate warns of, each once: costs and charges that would freeze it, and refusals that it does not understand.
import { Gate, SluiceError } from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { duration } from "../../src/gate/gate-warnings.js";
import { untilDone, useFakeClock, useRealClock } from "../support/fake-clock.js";

const warned: { code: string; message: string }[] = [];

beforeEach(() => {
  useFakeClock();
  warned.length = 0;
  vi.spyOn(process, "emitWarning").mockImplementation(((message: string, options: { code: string }) => {
    warned.push({ code: options.code, message });
  }) as never);
});
afterEach(() => {
  vi.restoreAllMocks();
  useRealClock();
});

describe("SLUICE_GATE_IN_DEBT", () => {
  test("names the delay that a charge of 1e9 tokens causes, once", async () => {
    const gate = new Gate({ name: "vendor", rate: { tokens: 200_000, per: 60_000 } });
    for (let i = 0; i < 2; i++) {
      await untilDone(gate.run(({ charge }) => charge(1e9 / 2)));
      if (i === 0) expect(warned).toHaveLength(1);
    }
    expect(warned).toEqual([
      { code: "SLUICE_GATE_IN_DEBT", message: expect.stringMatching(/`vendor`.*42\.\d hours.*charge\(\)/) },
    ]);
  });

  test("does not come for an estimate that was too low", async () => {
    const gate = new Gate({ rate: { tokens: 200_000, per: 60_000 } });
    await gate.run(({ charge }) => charge(150_000), { tokens: 1_000 });
    expect(warned).toEqual([]);
  });
});

describe("SLUICE_DEAR_CALL", () => {
  test("names the wait of a call that costs more than the bucket holds", async () => {
    const gate = new Gate({ rate: { tokens: 1_000_000, per: 86_400_000 } });
    await untilDone(gate.run(() => {}, { tokens: 500_000 }));
    expect(warned).toEqual([
      { code: "SLUICE_DEAR_CALL", message: expect.stringMatching(/500000 tokens wait 12\.1 hours.*burst/) },
    ]);
  });

  test("does not come for a call that the burst holds, however long it waits behind others", async () => {
    const gate = new Gate({ rate: { tokens: 1_000, per: 60_000, burst: 30_000 } });
    await untilDone(Promise.all([1, 2, 3].map(() => gate.run(() => {}, { tokens: 400 }))));
    expect(warned).toEqual([]);
  });
});

describe("SLUICE_REFUSAL_NOT_UNDERSTOOD", () => {
  test("comes once for an error that only looks like a refusal", async () => {
    const gate = new Gate();
    const error = new Error("Rate limit reached for this key");
    for (let i = 0; i < 2; i++) await expect(gate.run(() => Promise.reject(error))).rejects.toBe(error);
    expect(warned).toEqual([
      { code: "SLUICE_REFUSAL_NOT_UNDERSTOOD", message: expect.stringContaining("retryAfter") },
    ]);
  });

  test.each([
    ["an ordinary failure", new Error("no such model"), undefined],
    ["one that `retryAfter` calls none", new Error("Rate limit reached"), () => false as const],
  ])("does not come for %s", async (_, error, retryAfter) => {
    await expect(new Gate({ retryAfter }).run(() => Promise.reject(error))).rejects.toBe(error);
    expect(warned).toEqual([]);
  });
});

test.each([
  [41_000, "41 seconds"],
  [150_000, "2.5 minutes"],
  [43_200_000, "12 hours"],
  [1e9, "11.6 days"],
])("%i ms are %s", (ms, words) => expect(duration(ms)).toBe(words));

describe("maxPause", () => {
  test.each([
    [undefined, 300, 301],
    [10_000, 10, 11],
  ])(
    "(%s): a call that is asked to wait longer fails at once, and no other call waits for it",
    async (maxPause, most, more) => {
      const refusal = (seconds: number) =>
        Object.assign(new Error("429"), { status: 429, headers: { "retry-after": String(seconds) } });
      const gate = new Gate({ maxPause });
      await expect(gate.run(() => Promise.reject(refusal(more)))).rejects.toThrow("429");
      expect(gate.stats().pausedUntil).toBeUndefined();
      let tries = 0;
      const call = gate.run(() => {
        if (tries++ === 0) throw refusal(most);
      });
      expect(gate.stats().pausedUntil).toBeDefined();
      await untilDone(call);
    },
  );
});

test("a subclass with a `run` of its own is refused, and one without it is a gate", () => {
  class Own extends Gate {
    override run(): Promise<never> {
      return Promise.reject(new Error("never called by nodes"));
    }
  }
  class Named extends Gate {
    readonly vendor = "x";
  }
  expect(() => new Own()).toThrow(SluiceError);
  expect(() => new Own()).toThrow(/overrides `run`/);
  expect(new Named().stats().running).toBe(0);
});
