// Where senders wait while too much waits for its reader. Imports nothing.

/** A wait that all who come share, until there is room again. */
export class Room {
  #waiting: { readonly promise: Promise<void>; readonly go: () => void } | undefined;

  /** Resolves at the next {@link open}. */
  wait(): Promise<void> {
    if (this.#waiting === undefined) {
      let go = () => {};
      const promise = new Promise<void>((resolve) => {
        go = resolve;
      });
      this.#waiting = { promise, go };
    }
    return this.#waiting.promise;
  }

  /** Lets go of everybody who waits. */
  open(): void {
    this.#waiting?.go();
    this.#waiting = undefined;
  }
}
