// For promises about sync hooks: the engine yields to the event loop after 40 ms, which a busy machine may take from any test.
import { vi } from "vitest";

/** Does sync work while the clock stands still. */
export function inNoTime<T>(work: () => T): T {
  const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now());
  try {
    return work();
  } finally {
    clock.mockRestore();
  }
}
