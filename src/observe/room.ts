// A room in which senders wait while the reader is behind. Imports nothing.

/** A wait that all senders share, until there is room again. */
export class Room {
  #waiting: { readonly promise: Promise<void>; readonly end: () => void } | undefined;

  /** Resolves at the next {@link open}. */
  wait(): Promise<void> {
    if (this.#waiting === undefined) {
      let end = () => {};
      const promise = new Promise<void>((resolve) => {
        end = resolve;
      });
      this.#waiting = { promise, end };
    }
    return this.#waiting.promise;
  }

  /** Ends all waits. */
  open(): void {
    this.#waiting?.end();
    this.#waiting = undefined;
  }
}
