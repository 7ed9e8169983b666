// The common pauses of all gates of a shared limit: those to report, and those to follow.
import type { Passable } from "./passable.js";
import { notePause } from "./pause-log.js";

/** A pause is reported if it exceeds the known one by more than this, in ms. */
const NEWS = 25;

/** The pauses of one gate. */
export class SharedPauses {
  /** The end of an unreported pause, by the clock; 0 for none. Written by each method but {@link left}. */
  #until = 0;
  /** Whether the pause came from other gates, so that it need not be reported. */
  #isHeard = false;

  /** Records a pause of this gate; returns whether to report it. */
  note(ms: number, now: number): boolean {
    if (!this.#isHeard) this.#until = Math.max(this.#until, now + ms);
    return !this.#isHeard;
  }

  /** The milliseconds of the pause to report; 0 for none. */
  left(now: number): number {
    return Math.max(0, this.#until - now);
  }

  /** Records that a report of this many ms, sent at `sent`, has arrived. */
  reported(ms: number, sent: number): void {
    if (ms >= this.#until - sent) this.#until = 0;
  }

  /** Follows a pause of all gates for this many ms. */
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
