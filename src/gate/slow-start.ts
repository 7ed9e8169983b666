// The slow start after a pause: a part of the calls starts, then twice as many each time, until all may start.
// After the slow start of TCP (RFC 5681, section 3.1). Imports nothing.

/** Milliseconds after which a running call counts as accepted. */
const LET_THROUGH_AFTER = 1_000;

/** One slow start. It limits the number of undecided calls. */
export class SlowStart {
  /** The maximum of undecided calls; grows by one for each accepted call. */
  #width: number;
  /** Calls that have started and are neither accepted nor ended, with their start; the oldest first. */
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

  /** @param well - Whether it succeeded. A failed call proves nothing, and makes room for another. */
  ended(call: object, well: boolean): void {
    if (this.#undecided.delete(call) && well) this.#width++;
  }

  /** Milliseconds until another call may start, unless an earlier call ends before; 0 for now. */
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
