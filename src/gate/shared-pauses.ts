// Pauses that all gates of a shared limit have together: those to report, and those to follow.
import type { Passable } from "./passable.js";
import { notePause } from "./pause-log.js";

/** A pause that is longer than the known one by so many ms is news. */
const NEWS = 25;

/** The pauses of one gate. */
export class SharedPauses {
  /** The end of a pause that was not reported yet, by the clock; 0 for none. Written by each method but {@link left}. */
  #until = 0;
  /** Whether a pause comes from the others, and need not be reported to them. */
  #isHeard = false;

  /** Notes a pause of this gate; gives whether it is to be reported. */
  note(ms: number, now: number): boolean {
    if (!this.#isHeard) this.#until = Math.max(this.#until, now + ms);
    return !this.#isHeard;
  }

  /** The ms of the pause that is to be reported; 0 for none. */
  left(now: number): number {
    return Math.max(0, this.#until - now);
  }

  /** A report of so many ms, sent at some moment, has arrived. */
  reported(ms: number, sent: number): void {
    if (ms >= this.#until - sent) this.#until = 0;
  }

  /** Follows a pause of all gates that ends in so many ms. */
  follow(gate: Passable, ms: number): void {
    const { tokenQueue, counts } = gate;
    const known = tokenQueue.pause;
    if (ms <= known + NEWS) return;
    this.#isHeard = true;
    tokenQueue.pauseFor(ms, counts.running, known > 0 ? -1 : tokenQueue.pauses);
    this.#isHeard = false;
    notePause(gate, ms);
  }
}
