// A queue in order of arrival, from which a place can be removed at any time. Imports nothing.

/** A place in a {@link WaitingList}. */
export class Place<W> {
  readonly waiter: W;
  /** The ticket: lower goes first. */
  readonly ticket: number;
  /** The neighbours in the list; written by the list. */
  previous: Place<W> | undefined = undefined;
  next: Place<W> | undefined = undefined;
  /** The list that it is in; written by the list. */
  list: WaitingList<W> | undefined = undefined;

  constructor(waiter: W, ticket: number) {
    this.waiter = waiter;
    this.ticket = ticket;
  }
}

/** A queue in order of tickets, for waiters with a new ticket or an old one. */
export class WaitingList<W> {
  /** The places in order. Written by every change. */
  #first: Place<W> | undefined;
  #last: Place<W> | undefined;
  /** Waiters that returned and are not sorted yet: n concurrent returns take O(n log n). */
  readonly #returned = new Set<Place<W>>();
  /** The place that was inserted last; the next one often follows it. */
  #latest: Place<W> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The first place; `undefined` if the list is empty. */
  get first(): Place<W> | undefined {
    if (this.#returned.size > 0) this.#sortIn();
    return this.#first;
  }

  /** The waiters in order. The waiter yielded last may leave meanwhile. */
  *[Symbol.iterator](): Iterator<W> {
    for (let place = this.first; place !== undefined; ) {
      const { next, waiter }: Place<W> = place;
      yield waiter;
      place = next;
    }
  }

  add(place: Place<W>): void {
    this.#size++;
    place.list = this;
    if (this.#last !== undefined && place.ticket < this.#last.ticket) this.#returned.add(place);
    else this.#link(place, this.#last);
  }

  /** Removes a place, if it is in this list. */
  remove(place: Place<W>): void {
    if (place.list !== this) return;
    this.#size--;
    place.list = undefined;
    if (this.#returned.delete(place)) return;
    const { previous, next } = place;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    if (this.#latest === place) this.#latest = previous;
    place.previous = place.next = undefined;
  }

  #link(place: Place<W>, previous: Place<W> | undefined): void {
    const next = previous === undefined ? this.#first : previous.next;
    place.previous = previous;
    place.next = next;
    if (previous === undefined) this.#first = place;
    else previous.next = place;
    if (next === undefined) this.#last = place;
    else next.previous = place;
  }

  #sortIn(): void {
    const returned = [...this.#returned].sort((one, other) => one.ticket - other.ticket);
    this.#returned.clear();
    const [lowest] = returned;
    let before =
      this.#latest !== undefined && lowest !== undefined && this.#latest.ticket <= lowest.ticket
        ? this.#latest
        : undefined;
    for (const place of returned) {
      let next = before === undefined ? this.#first : before.next;
      while (next !== undefined && next.ticket <= place.ticket) {
        before = next;
        next = next.next;
      }
      this.#link(place, before);
      before = place;
    }
    this.#latest = before;
  }
}
