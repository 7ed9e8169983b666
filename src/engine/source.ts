// Where the items of a fan-out come from: an iterable, sync or async, pulled lazily and closed early.

import { isThenable } from "../base/awaitable.js";
import { quote, SluiceError, show } from "../base/errors.js";

const ignore = () => {};

/** @throws SluiceError `NOT_ITERABLE`; a string is refused too, for its letters are nobody's items. */
export function checkItems(
  node: { readonly name: string },
  items: unknown,
): Iterable<unknown> | AsyncIterable<unknown> {
  if (items === undefined || items === null) return [];
  if (typeof items === "object" && (Symbol.asyncIterator in items || Symbol.iterator in items)) {
    return items as Iterable<unknown> | AsyncIterable<unknown>;
  }
  throw new SluiceError(
    "NOT_ITERABLE",
    `${quote(node.name)}: expected prep() to return an iterable of items, an async iterable or nothing, got ${show(items)}; return an array, such as [${typeof items === "string" ? "text" : "item"}]`,
  );
}

/** What takes an item: a worker. */
interface Taker {
  item: unknown;
  index: number;
}

/** Pulls items from one iterator for many workers. */
export class Source {
  /** No more items come: the iterator has ended, has failed, or is not wanted any more. */
  exhausted = false;
  isAsync = false;
  /** The iterator has ended by itself; written by #take. */
  #ended = false;
  readonly #items: Partial<Iterable<unknown> & AsyncIterable<unknown>>;
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  #pulled = 0;
  #pulling: Promise<unknown> = Promise.resolve();

  constructor(items: Iterable<unknown> | AsyncIterable<unknown>) {
    this.#items = items;
  }

  /** Whether there is certainly no further item. Of an iterator only the end is known, of an array the length. */
  get isDone(): boolean {
    return this.#ended || (Array.isArray(this.#items) && this.#pulled >= this.#items.length);
  }

  /** @throws What the iterable throws. */
  open(): void {
    const asyncIterator = this.#items[Symbol.asyncIterator]?.();
    this.isAsync = asyncIterator !== undefined;
    this.#iterator = asyncIterator ?? (this.#items as Iterable<unknown>)[Symbol.iterator]();
  }

  /** Gives the next item of a sync iterator; false when there is none. Throws what the iterator throws. */
  next(taker: Taker): boolean {
    if (this.exhausted) return false;
    try {
      return this.#take((this.#iterator as Iterator<unknown>).next(), taker);
    } catch (error) {
      this.exhausted = true;
      throw error;
    }
  }

  /** The same from an async iterator, one call at a time: few of them allow more. */
  nextLater(taker: Taker): Promise<boolean> {
    const mine = this.#pulling.then(async () => {
      if (this.exhausted) return false;
      try {
        return this.#take(await (this.#iterator as AsyncIterator<unknown>).next(), taker);
      } catch (error) {
        this.exhausted = true;
        throw error;
      }
    });
    this.#pulling = mine.catch(ignore);
    return mine;
  }

  /** Takes no more items and calls the iterator's `return()`, which is not waited for. */
  stop(): void {
    if (this.exhausted) return;
    this.exhausted = true;
    this.#close();
  }

  #take(next: IteratorResult<unknown>, taker: Taker): boolean {
    if (next.done) this.exhausted = this.#ended = true;
    else {
      taker.item = next.value;
      // A stop came while the source was asked, and a generator that runs takes no return().
      if (this.exhausted && !this.isAsync) this.#close();
    }
    if (this.exhausted) return false;
    taker.index = this.#pulled++;
    return true;
  }

  #close(): void {
    try {
      const returned: unknown = this.#iterator?.return?.();
      if (isThenable(returned)) returned.then(ignore, ignore);
    } catch {
      // The iterable is not wanted any more; how it takes that changes nothing.
    }
  }
}
