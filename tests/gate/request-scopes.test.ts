// What a gate does on workerd, where a timer and what follows a promise end with the request that made them. The
// runtime is told by its user agent; a request that ends is one whose timers are cleared.
import { Gate } from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { advance, turn, useFakeClock, useRealClock } from "../support/fake-clock.js";

beforeEach(() => {
  useFakeClock();
  vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
});
afterEach(() => {
  vi.unstubAllGlobals();
  useRealClock();
});

/** Makes a call in a request of its own; `end` ends the request: its timers fire no more. */
function inRequest(make: () => Promise<unknown>) {
  const timers = vi.spyOn(globalThis, "setInterval");
  const call = make();
  const ids = timers.mock.results.map(({ value }) => value as NodeJS.Timeout);
  timers.mockRestore();
  call.catch(() => {});
  return { call, end: () => ids.map(clearInterval) };
}

describe.each([
  ["slots", { concurrency: 1 }],
  ["an adapting limit", { concurrency: { start: 1, max: 1 } }],
])("%s", (_, options) => {
  test("of a request that has ended while it ran come free within 2 s", async () => {
    const gate = new Gate(options);
    const gone = inRequest(() => gate.run(() => new Promise(() => {})));
    const next = inRequest(() => gate.run(() => "next"));
    await advance(100);
    gone.end();
    await advance(2_000);
    await expect(next.call).resolves.toBe("next");
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  test("are not given to a request that has ended while it waited", async () => {
    const gate = new Gate(options);
    let finish: () => void = () => {};
    const first = inRequest(() => gate.run(() => new Promise<void>((resolve) => (finish = resolve))));
    const gone = inRequest(() => gate.run(() => "gone"));
    const next = inRequest(() => gate.run(() => "next"));
    await turn();
    gone.end();
    finish();
    await advance(2_100);
    await first.call;
    await expect(next.call).resolves.toBe("next");
    expect(gate.stats()).toMatchObject({ running: 0, waiting: 0 });
  });
});

test("a rate goes on when the request that waited first has ended", async () => {
  const gate = new Gate({ rate: { requests: 10, per: 1_000, burst: 100 } });
  await Promise.all([inRequest(() => gate.run(() => 1)).call, advance(50)]);
  const gone = inRequest(() => gate.run(() => "gone"));
  const next = inRequest(() => gate.run(() => "next"));
  await turn();
  gone.end();
  await advance(2_000);
  await expect(next.call).resolves.toBe("next");
  expect(gate.stats().waiting).toBe(0);
});

test("a long stall of the whole isolate ends no call", async () => {
  const gate = new Gate({ concurrency: 1 });
  let ends = 0;
  const first = inRequest(() =>
    gate.run(() => new Promise<void>((resolve) => setTimeout(() => resolve(void ends++), 5_000))),
  );
  const next = inRequest(() => gate.run(() => ends));
  await advance(20);
  vi.setSystemTime(Date.now() + 3_000);
  await advance(5_100);
  await first.call;
  await expect(next.call).resolves.toBe(1);
});
