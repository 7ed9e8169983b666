import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { inWords, sized } from "../support/size.js";
import { TimerWatch } from "../support/timers.js";
import { type Program, programs } from "./random-programs.js";
import { observe } from "./random-runs.js";

const AT_ONCE = 100;
const COUNT = sized(5_000, 300, 20_000);

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => void unhandled.push(error);

beforeAll(() => {
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  process.on("unhandledRejection", onUnhandled);
});
afterAll(() => {
  process.off("unhandledRejection", onUnhandled);
  vi.restoreAllMocks();
});

/** Runs programs side by side, each under an observer of its own; gives what was wrong. */
async function faultsIn(batch: readonly Program[], seen: Map<string, number>): Promise<string[]> {
  const timers = new TimerWatch();
  try {
    const runs = await Promise.all(batch.map(observe));
    const found: string[] = [];
    for (const [at, { outcome, faults }] of runs.entries()) {
      const { watcher } = batch[at] as Program;
      for (const what of [String(outcome), watcher]) seen.set(what, (seen.get(what) ?? 0) + 1);
      if (faults.length > 0) found.push(`${faults.join("\n")}\nin ${JSON.stringify(batch[at])}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
    found.push(...timers.live.map((stack) => `a timer was left: ${stack}`));
    found.push(...unhandled.splice(0).map((error) => `a rejection went unhandled: ${error}`));
    return found;
  } finally {
    timers.stop();
  }
}

describe(`${inWords(COUNT)} random graphs with faults, aborts, drains and budgets, half of them watched`, () => {
  test("keep every limit, start and leave nothing after their run, and give exact results", async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(programs, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (batch) => {
        expect((await faultsIn(batch, seen)).join("\n\n")).toBe("");
      }),
      { numRuns: COUNT / AT_ONCE },
    );
    // Otherwise the graphs would not show what they are there to show.
    for (const outcome of ["resolved", "failed", "aborted", "drained", "spent", "too many steps"]) {
      expect(seen.get(outcome) ?? 0, outcome).toBeGreaterThan(COUNT / 200);
    }
    expect(seen.get("nothing")).toBeLessThan(COUNT * 0.6);
  }, 900_000);
});
