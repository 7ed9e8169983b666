// Counts calls in flight, as the thing behind a gate sees them.

/** Counts what is in flight now and at most. A holder that waits for a nested call steps out meanwhile. */
export class InFlight {
  now = 0;
  peak = 0;
  total = 0;

  enter(): void {
    this.total++;
    this.back();
  }

  leave(): void {
    this.now--;
  }

  /** Counts again after {@link leave}, as the same call. */
  back(): void {
    this.peak = Math.max(this.peak, ++this.now);
  }

  async during<T>(work: () => T | PromiseLike<T>): Promise<T> {
    this.enter();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }
}
