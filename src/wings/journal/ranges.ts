// A set of mostly consecutive integers, as ranges: the done items of a batch.

/** A set of non-negative integers, as ranges that neither touch nor overlap. */
export class Ranges {
  /** Starts and ends in order: `[0, 5, 7, 8]` has 0 to 4 and 7. */
  readonly #bounds: number[];

  constructor(bounds: readonly number[] = []) {
    this.#bounds = [...bounds];
  }

  /** The index of the first bound above a number; it is odd if the number is in a range. */
  #place(number: number): number {
    let [low, high] = [0, this.#bounds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#bounds[middle] as number) <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(number: number): boolean {
    return this.#place(number) % 2 === 1;
  }

  add(number: number): void {
    const bounds = this.#bounds;
    const at = this.#place(number);
    if (at % 2 === 1) return;
    const joinsBefore = bounds[at - 1] === number;
    const joinsAfter = bounds[at] === number + 1;
    if (joinsBefore && joinsAfter) bounds.splice(at - 1, 2);
    else if (joinsBefore) bounds[at - 1] = number + 1;
    else if (joinsAfter) bounds[at] = number;
    else bounds.splice(at, 0, number, number + 1);
  }

  toJSON(): readonly number[] {
    return this.#bounds;
  }
}
