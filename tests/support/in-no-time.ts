// For promises about sync hooks: the engine yields to the event loop after 40 ms, which a busy machine may take from any test.
import { vi } from "vitest";
import { sharedYields } from "../../src/base/event-loop.js";

/** Does sync work while the clock stands still. */
export function inNoTime<T>(work: () => T): T {
  // Runs that other tests have left behind may have kept the event loop for long: they owe it a turn.
  const yields = sharedYields();
  yields.budget = 1_000_000;
  const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now());
  try {
    return work();
  } finally {
    clock.mockRestore();
    yields.budget = 1;
  }
}
