// A clock that moves only when a test says so. It fakes what src/ and Bottleneck read: performance, Date and
// setTimeout. Between two milliseconds the real event loop gets a turn, so that every promise moves on.
import { vi } from "vitest";

const realTurn = setImmediate;

/** One real turn of the event loop: all microtasks that are due have run after it. */
export const turn = (): Promise<void> => new Promise((resolve) => realTurn(resolve));

export function useFakeClock(): void {
  vi.useFakeTimers({
    toFake: ["performance", "Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"],
    now: Date.UTC(2026, 0, 1),
  });
}

export function useRealClock(): void {
  vi.useRealTimers();
}

/** Moves the fake clock, millisecond by millisecond. */
export async function advance(ms: number): Promise<void> {
  await turn();
  for (let passed = 0; passed < ms; passed++) {
    vi.advanceTimersByTime(1);
    await turn();
  }
}

/** Sleeps by whatever clock is in use. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Moves the fake clock from timer to timer until the work is done; an hour of waiting takes a second. */
export async function untilDone(work: Promise<unknown>): Promise<void> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  await turn();
  for (let steps = 0, idle = 0; !done; steps++) {
    idle = vi.getTimerCount() === 0 ? idle + 1 : 0; // a walk takes a turn of the loop now and then
    if (steps > 200_000 || idle > 5) throw new Error(`Nothing moves after ${steps} timers`);
    vi.advanceTimersToNextTimer();
    await turn();
  }
  await ended;
}
