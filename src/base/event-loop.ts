// Turns of the event loop for runs of hooks that never wait.
import { now } from "./clock.js";
import { YIELDS } from "./keys.js";

/** How long hooks that never wait may keep the event loop, in ms. */
const TURN_EVERY = 40;
/** Calls back in the next turn of the event loop. */
const later: (callback: () => void) => unknown =
  typeof setImmediate === "function" ? setImmediate : (callback) => setTimeout(callback, 0);

/** When the runs of a process give the event loop a turn. */
class EventLoopYields {
  /** Steps until the clock is read again. Reading it each time would cost as much as a small step. */
  budget = 1;
  #stride = 1;
  #clockRead = performance.now();
  #lastTurn = this.#clockRead;
  /** The turn that all runs wait for now, a run that only begins too. */
  pending: Promise<void> | undefined;
  #runs = 0;

  /** A run begins. The first one after an idle time owes the event loop nothing. */
  enter(): void {
    if (this.#runs++ > 0) return;
    this.#lastTurn = this.#clockRead = now();
    this.#stride = this.budget = 1;
  }

  leave(): void {
    this.#runs--;
  }

  /** Counts a step, and gives the turn that it must wait for, if it must. */
  yieldIfDue(): Promise<void> | undefined {
    return --this.budget > 0 ? undefined : this.checkClock();
  }

  /**
   * Returns the turn to wait for, once the budget is spent and hooks have kept the event loop for 40 ms; all wait for
   * the same one. Widens the stride only while steps are quick.
   */
  checkClock(): Promise<void> | undefined {
    const time = now();
    this.#stride = time - this.#clockRead < 0.02 ? Math.min(this.#stride * 2, 16) : 1;
    return this.#due(time);
  }

  /** Returns another turn to wait for after one, if those before took 40 ms more. */
  yieldAgain(): Promise<void> | undefined {
    return this.#due(now());
  }

  #due(time: number): Promise<void> | undefined {
    if (this.pending !== undefined) return this.pending;
    this.budget = this.#stride;
    this.#clockRead = time;
    const since = time - this.#lastTurn;
    if (since >= 0 && since < TURN_EVERY) return undefined; // a clock that was faked goes back
    this.budget = 0;
    this.pending = new Promise((resolve) => {
      later(() => {
        this.pending = undefined;
        this.#stride = this.budget = 1;
        this.#clockRead = this.#lastTurn = now();
        resolve();
      });
    });
    return this.pending;
  }
}

export type { EventLoopYields };

/** The event loop belongs to the process, whichever build of sluice a run is of. */
export function sharedYields(): EventLoopYields {
  const home = globalThis as { [YIELDS]?: EventLoopYields };
  return (home[YIELDS] ??= new EventLoopYields());
}
