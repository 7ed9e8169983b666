// Turns at the event loop, for runs of hooks that never wait. Imports nothing.

/** How long hooks that never wait may keep the event loop, in ms. */
const TURN_EVERY = 40;
const KEY = Symbol.for("sluice.turns");
/** Calls back in the next turn of the event loop. */
const later: (callback: () => void) => unknown =
  typeof setImmediate === "function" ? setImmediate : (callback) => setTimeout(callback, 0);

/** The event loop's turns, which all runs of a process share. */
class Turns {
  /** Steps until the clock is read again. Reading it each time would cost as much as a small step. */
  stepsToClock = 1;
  #stride = 1;
  #clockRead = 0;
  #lastTurn = 0;
  /** The turn that everybody waits for now, a run that only begins too. */
  pending: Promise<void> | undefined;
  #runs = 0;

  /** A run begins. The first one after an idle time owes the event loop nothing. */
  enter(): void {
    if (this.#runs++ > 0) return;
    this.#lastTurn = this.#clockRead = performance.now();
    this.#stride = this.stepsToClock = 1;
  }

  leave(): void {
    this.#runs--;
  }

  /** Counts a step that begins, and gives the turn that it must wait for before it asks again. */
  count(): Promise<void> | undefined {
    return --this.stepsToClock > 0 ? undefined : this.breathe();
  }

  /**
   * Tells whoever has run out of `stepsToClock` which turn to wait for, when hooks have kept the event loop for
   * 40 ms; all wait for the same one. Widens the stride only while steps are quick.
   */
  breathe(): Promise<void> | undefined {
    const now = performance.now();
    this.#stride = now - this.#clockRead < 0.02 ? Math.min(this.#stride * 2, 16) : 1;
    return this.#due(now);
  }

  /** Tells whoever has waited whether there is another turn to wait for: those before may have taken 40 ms more. */
  again(): Promise<void> | undefined {
    return this.#due(performance.now());
  }

  #due(now: number): Promise<void> | undefined {
    if (this.pending !== undefined) return this.pending;
    this.stepsToClock = this.#stride;
    this.#clockRead = now;
    if (now - this.#lastTurn < TURN_EVERY) return undefined;
    this.stepsToClock = 0;
    this.pending = new Promise((resolve) => {
      later(() => {
        this.pending = undefined;
        this.#stride = this.stepsToClock = 1;
        this.#clockRead = this.#lastTurn = performance.now();
        resolve();
      });
    });
    return this.pending;
  }
}

export type { Turns };

/** The event loop belongs to the process, whichever build of sluice a run is of. */
export function sharedTurns(): Turns {
  const home = globalThis as { [KEY]?: Turns };
  home[KEY] ??= new Turns();
  return home[KEY];
}
