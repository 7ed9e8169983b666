// A set of whole numbers that mostly come in order, as ranges: the items of a batch that are done.

/** Non-negative integers, in ranges that neither touch nor overlap. */
export class Ranges {
  /** Begins and ends, in order: `[0, 5, 7, 8]` has 0 to 4 and 7. */
  readonly #bounds: number[];

  constructor(bounds: readonly number[] = []) {
    this.#bounds = [...bounds];
  }

  /** Where a number stands: the place of the first bound above it. An odd one means that it is inside. */
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
