// How long this process was kept from its event loop: by other programs on the machine, by garbage
// collection, or by its own work. Tests that watch the clock allow for it, and print it.
import { monitorEventLoopDelay } from "node:perf_hooks";

/** Measures the longest stall of the event loop, in ms, while some work runs. */
export async function withLag<T>(work: () => Promise<T>): Promise<{ result: T; lag: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  try {
    const result = await work();
    // Its timer of 1 ms comes a little late on a quiet machine too.
    return { result, lag: Math.max(0, delay.max / 1e6 - 3) };
  } finally {
    delay.disable();
  }
}
