// What happens after a pause: first a part goes, then twice as many each time, until none is held back any more.
// After the slow start of TCP (RFC 5681, section 3.1). Imports nothing.

/** A call that has run so many ms without being refused counts as let through. */
const LET_THROUGH_AFTER = 1_000;

/** One slow start. Of the calls that it starts, only so many may be undecided at once. */
export class SlowStart {
  /** How many calls may be undecided; grows by one for each that is let through. */
  #width: number;
  /** Calls that have started and are neither let through nor ended, with their start; the oldest first. */
  readonly #undecided = new Map<object, number>();

  constructor(width: number) {
    this.#width = width;
  }

  get width(): number {
    return this.#width;
  }

  started(call: object, now: number): void {
    this.#undecided.set(call, now);
  }

  /** @param well - Whether it had a result. One that failed says nothing, and makes room for another. */
  ended(call: object, well: boolean): void {
    if (this.#undecided.delete(call) && well) this.#width++;
  }

  /** The ms until another call may start, if none of those before ends earlier; 0 for now. */
  delay(now: number): number {
    if (this.#undecided.size < this.#width) return 0;
    for (const [call, at] of this.#undecided) {
      const left = at + LET_THROUGH_AFTER - now;
      if (left > 0) return this.#undecided.size < this.#width ? 0 : left;
      this.ended(call, true);
    }
    return 0;
  }
}
