// Turns at the event loop, for runs of hooks that never wait. Imports nothing.

/** How long hooks that never wait may keep the event loop, in ms. */
const TURN_EVERY = 40;
const KEY = Symbol.for("sluice.turns");
/** Calls back in the next turn of the event loop. */
export const later: (callback: () => void) => unknown =
  typeof setImmediate === "function" ? setImmediate : (callback) => setTimeout(callback, 0);

/** The event loop's turns, which all runs of a process share. */
class Turns {
  /** Steps until the clock is read again. Reading it each time would cost as much as a small step. */
  stepsToClock = 1;
  #stride = 1;
  #clockRead = 0;
  #lastTurn = 0;
  #turn: Promise<void> | undefined;
  #runs = 0;

  /** A run begins. The first one after an idle time owes the event loop nothing. */
  enter(): void {
    if (this.#runs++ === 0) this.#lastTurn = performance.now();
  }

  leave(): void {
    this.#runs--;
  }

  /**
   * Gives the event loop a turn when hooks have kept it for 40 ms: everybody who comes then waits for the same
   * one, and looks again afterwards, for those before it may have taken 40 ms more. Called when `stepsToClock`
   * has run out; widens that stride only while steps are quick.
   */
  breathe(): Promise<void> | undefined {
    const now = performance.now();
    this.#stride = now - this.#clockRead < 0.25 ? Math.min(this.#stride * 2, 8) : 1;
    const turn = this.#due(now);
    return turn === undefined ? undefined : this.#waitFor(turn);
  }

  async #waitFor(turn: Promise<void>): Promise<void> {
    let next: Promise<void> | undefined = turn;
    while (next !== undefined) {
      await next;
      next = this.#due(performance.now());
    }
  }

  #due(now: number): Promise<void> | undefined {
    if (this.#turn !== undefined) return this.#turn;
    this.stepsToClock = this.#stride;
    this.#clockRead = now;
    if (now - this.#lastTurn < TURN_EVERY) return undefined;
    this.stepsToClock = 0;
    this.#turn = new Promise((resolve) => {
      later(() => {
        this.#turn = undefined;
        this.#stride = this.stepsToClock = 1;
        this.#clockRead = this.#lastTurn = performance.now();
        resolve();
      });
    });
    return this.#turn;
  }
}

export type { Turns };

/** The event loop belongs to the process, whichever build of sluice a run is of. */
export function sharedTurns(): Turns {
  const home = globalThis as { [KEY]?: Turns };
  home[KEY] ??= new Turns();
  return home[KEY];
}
