// Turns at the event loop, for runs of hooks that never wait. Imports nothing.

/** How long hooks that never wait may keep the event loop, in ms. */
const TURN_EVERY = 40;
const KEY = Symbol.for("sluice.turns");
const later: (callback: () => void) => unknown =
  typeof setImmediate === "function" ? setImmediate : (callback) => setTimeout(callback, 0);

/** Whoever takes turns: a run. */
export interface TurnTaker {
  /** When it last took one, on the clock of `performance.now()`; `undefined` before its first look at it. */
  lastTurn: number | undefined;
}

/** The event loop's turns, which all runs of a process share. */
class Turns {
  /** Steps until the clock is read again. Reading it each time would cost as much as a small step. */
  stepsToClock = 1;
  #stride = 1;
  #clockRead = performance.now();
  #turn: Promise<void> | undefined;

  /**
   * Gives the event loop a turn when the taker has kept it for 40 ms; all takers wait for the same one. Called
   * when `stepsToClock` has run out, and widens that stride only while steps are quick.
   */
  breathe(taker: TurnTaker): Promise<void> | undefined {
    const now = performance.now();
    this.#stride = now - this.#clockRead < 0.25 ? Math.min(this.#stride * 2, 16) : 1;
    this.#clockRead = now;
    this.stepsToClock = this.#stride;
    taker.lastTurn ??= now;
    if (now - taker.lastTurn < TURN_EVERY) return undefined;
    this.#turn ??= new Promise((resolve) => {
      later(() => {
        this.#turn = undefined;
        resolve();
      });
    });
    return this.#turn.then(() => {
      taker.lastTurn = performance.now();
    });
  }
}

export type { Turns };

/** The event loop belongs to the process, whichever build of sluice a run is of. */
export function sharedTurns(): Turns {
  const home = globalThis as { [KEY]?: Turns };
  home[KEY] ??= new Turns();
  return home[KEY];
}
