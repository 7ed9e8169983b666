// The source of a fan-out's items: an iterable, sync or async, pulled lazily and closed early.

import { isThenable } from "../base/awaitable.js";
import { quote, SluiceError, show } from "../base/errors.js";
import { type Named, nameOf } from "../base/name.js";
import { builtInOf, isObject } from "../base/realms.js";

const ignore = () => {};

/**
 * Whether an item is a promise, of any realm or library. Other objects with a `then` are ordinary items: most of them,
 * such as an unsent query, begin their work only when `then` is called.
 */
function isPromise(item: unknown): item is Promise<unknown> {
  try {
    return (
      isThenable(item) &&
      (Object.prototype.toString.call(item) === "[object Promise]" || item.constructor.name === "Promise")
    );
  } catch {
    return false; // an item whose fields throw is passed to `exec`
  }
}

/** The error of a promise among the items. Nothing will await the promise, so its rejection is handled here. */
function promiseItem(node: Named, promise: Promise<unknown>, index: number): SluiceError {
  promise.then(ignore, ignore);
  return new SluiceError(
    "INVALID_ITEM",
    `${quote(nameOf(node))}: expected prep() to return items, got a promise at index ${index}, whose work has already begun, outside of all limits; return the input of the work and start it in exec(), or await it in prep()`,
  );
}

/** Whether the items are in memory, so that reading them has no side effect. */
const isList = (items: object): items is readonly unknown[] | ReadonlySet<unknown> =>
  !(Symbol.asyncIterator in items) &&
  (Array.isArray(items)
    ? items[Symbol.iterator] === Array.prototype[Symbol.iterator]
    : builtInOf(items) === "Set" &&
      (items as Set<unknown>)[Symbol.iterator] === Set.prototype[Symbol.iterator]);

/**
 * The error of the first promise in a list. Checked now, because a promise that is reached later may reject unhandled
 * before.
 */
function promiseIn(node: Named, list: Iterable<unknown>): SluiceError | undefined {
  let error: SluiceError | undefined;
  let index = 0;
  try {
    for (const item of list) {
      if (isPromise(item)) {
        if (error === undefined) error = promiseItem(node, item, index);
        else item.then(ignore, ignore);
      }
      index++;
    }
  } catch {
    // A list that throws when it is read throws again when items are pulled.
  }
  return error;
}

/**
 * Checks the result of `prep`. A string is refused, because its letters are hardly meant as items.
 * @throws SluiceError `NOT_ITERABLE`, `INVALID_ITEM`.
 */
export function checkItems(node: Named, items: unknown): Iterable<unknown> | AsyncIterable<unknown> {
  if (items === undefined || items === null) return [];
  if (typeof items === "object" && (Symbol.asyncIterator in items || Symbol.iterator in items)) {
    const error = isList(items) ? promiseIn(node, items) : undefined;
    if (error !== undefined) throw error;
    return items as Iterable<unknown> | AsyncIterable<unknown>;
  }
  throw new SluiceError(
    "NOT_ITERABLE",
    `${quote(nameOf(node))}: expected prep() to return an iterable of items, an async iterable or nothing, got ${show(items)}; return an array, such as [${typeof items === "string" ? "text" : "item"}]`,
  );
}

const RESULT = "to return { done, value } from next()";

/** A worker that takes an item. */
interface Taker {
  item: unknown;
  index: number;
}

/** Pulls items from one iterator for many workers. */
export class Source {
  isAsync = false;
  /** Whether the iterator has failed, was stopped, or is not open yet; written by each method. */
  #stopped = true;
  /** Whether the iterator has ended by itself; written by #take. */
  #ended = false;

  readonly #node: Named;
  readonly #fail: (error: unknown) => false;
  readonly #items: Partial<Iterable<unknown> & AsyncIterable<unknown>>;
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  #pulled = 0;
  #pulling: Promise<unknown> = Promise.resolve();

  /** @param fail - Takes the error of a sync iterator. */
  constructor(
    node: Named,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    fail: (error: unknown) => false,
  ) {
    this.#node = node;
    this.#fail = fail;
    this.#items = items;
  }

  /** Whether no more items come: the iterator has ended, has failed, or was stopped. */
  get exhausted(): boolean {
    return this.#stopped || this.#ended;
  }

  /** Whether there is certainly no further item: at the end of an iterator, or by the length of an array. */
  get isDone(): boolean {
    return this.#ended || (Array.isArray(this.#items) && this.#pulled >= this.#items.length);
  }

  /** Opens the iterator. @throws The error of the iterable; TypeError for an invalid iterator. */
  open(): void {
    this.#stopped = false;
    const asyncIterator = this.#items[Symbol.asyncIterator]?.();
    this.isAsync = asyncIterator !== undefined;
    this.#iterator = asyncIterator ?? (this.#items as Iterable<unknown>)[Symbol.iterator]();
    const iterator: unknown = this.#iterator;
    if (isObject(iterator) && "next" in iterator && typeof iterator.next === "function") return;
    throw this.#wrong("to have a method next()", iterator);
  }

  /** Takes the next item of a sync iterator. @returns Whether there is one. */
  next(taker: Taker): boolean {
    if (this.exhausted) return false;
    try {
      return this.#take((this.#iterator as Iterator<unknown>).next(), taker);
    } catch (error) {
      this.#stopped = true;
      return this.#fail(error);
    }
  }

  /** Takes the next item of an async iterator, one call at a time, because few allow more. Rejects as the iterator does. */
  nextLater(taker: Taker): Promise<boolean> {
    const mine = this.#pulling.then(async () => {
      if (this.exhausted) return false;
      try {
        return this.#take(await (this.#iterator as AsyncIterator<unknown>).next(), taker);
      } catch (error) {
        this.#stopped = true;
        throw error;
      }
    });
    this.#pulling = mine.catch(ignore);
    return mine;
  }

  /** Stops and calls the iterator's `return()`, without awaiting it. */
  stop(): void {
    if (this.exhausted) return;
    this.#stopped = true;
    this.#close();
  }

  #take(next: IteratorResult<unknown>, taker: Taker): boolean {
    if (!isObject(next)) throw this.#wrong(RESULT, next);
    const { done } = next;
    // Written for each item: code that first runs at the end would make V8 deoptimise the loop.
    this.#ended = Boolean(done);
    if (done) return false;
    if (done === undefined && isThenable(next)) throw this.#notSync(next);
    const { value } = next;
    if (typeof value === "object" && isPromise(value)) this.#refuse(value);
    if (this.#stopped) {
      if (!this.isAsync) this.#close(); // it was stopped during the call, and a running generator refuses return()
      return false;
    }
    taker.item = value;
    taker.index = this.#pulled++;
    return true;
  }

  #refuse(promise: Promise<unknown>): never {
    const error = promiseItem(this.#node, promise, this.#pulled);
    this.#close();
    throw error;
  }

  /** An async iterator under the wrong symbol: its promises have no `done`, so it would never end. */
  #notSync(next: PromiseLike<unknown>): TypeError {
    next.then(ignore, ignore);
    this.#close();
    return this.#wrong(RESULT, next, "; put an async iterator under Symbol.asyncIterator");
  }

  /** The error that `for … of` throws too, with the name of the node. */
  #wrong(expected: string, got: unknown, hint = ""): TypeError {
    this.#stopped = true; // such an iterator might never end
    return new TypeError(
      `${quote(nameOf(this.#node))}: expected the iterator of what prep() gave ${expected}, got ${show(got)}${hint}`,
    );
  }

  #close(): void {
    try {
      const returned: unknown = this.#iterator?.return?.();
      if (isThenable(returned)) returned.then(ignore, ignore);
    } catch {
      // The iterable has been stopped, so its errors do not matter.
    }
  }
}
