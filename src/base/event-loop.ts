// Event-loop yields for runs whose hooks never wait.
import { now } from "./clock.js";
import { YIELDS } from "./keys.js";

/** How long hooks that never wait may block the event loop, in ms. */
const TURN_EVERY = 40;
/** The maximum of steps between two readings of the clock: as many may block for longer than that. */
const MOST_STEPS = 32;
/** Calls back in the next turn of the event loop. */
const later: (callback: () => void) => unknown =
  typeof setImmediate === "function" ? setImmediate : (callback) => setTimeout(callback, 0);

/** Decides when the runs of a process yield to the event loop. */
class EventLoopYields {
  /** Steps until the next reading of the clock, which costs as much as a small step; written by each step. */
  budget = 1;
  #stride = 1;
  #clockRead = performance.now();
  #lastTurn = this.#clockRead;
  /** The yield that all runs wait for, including runs that begin. */
  pending: Promise<void> | undefined;
  #runs = 0;

  /** Called when a run begins. The first run after an idle time starts a new period. */
  enter(): void {
    if (this.#runs++ > 0) return;
    this.#lastTurn = this.#clockRead = now();
    this.#stride = this.budget = 1;
  }

  leave(): void {
    this.#runs--;
  }

  /** Counts a step, and returns the yield that it must wait for, if any. */
  yieldIfDue(): Promise<void> | undefined {
    return --this.budget > 0 ? undefined : this.checkClock();
  }

  /**
   * Returns the yield to wait for, once the budget is spent and hooks have blocked the event loop for 40 ms; all runs
   * share it. Increases the budget only while steps are quick.
   */
  checkClock(): Promise<void> | undefined {
    const time = now();
    this.#stride = time - this.#clockRead < 0.02 ? Math.min(this.#stride * 2, MOST_STEPS) : 1;
    return this.#due(time);
  }

  /** Returns another yield to wait for, if other runs have taken another 40 ms. */
  yieldAgain(): Promise<void> | undefined {
    return this.#due(now());
  }

  #due(time: number): Promise<void> | undefined {
    if (this.pending !== undefined) return this.pending;
    this.budget = this.#stride;
    this.#clockRead = time;
    const since = time - this.#lastTurn;
    if (since >= 0 && since < TURN_EVERY) return undefined; // a faked clock may go back
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

/** All builds of sluice in a process share one event loop. */
export function sharedYields(): EventLoopYields {
  const home = globalThis as { [YIELDS]?: EventLoopYields };
  return (home[YIELDS] ??= new EventLoopYields());
}
