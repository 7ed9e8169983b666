// What prep() of a batch may not give: promises, and iterators that are none. Each is an error that names the node.
import { setTimeout as sleep } from "node:timers/promises";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  Flow,
  isFailure,
  locate,
  node,
} from "sluice";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rejection, turn } from "../support/deferred.js";
import { watchers } from "../support/watchers.js";

const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => void unhandled.push(error);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});
afterEach(async () => {
  await sleep(5);
  await turn();
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

let calls = 0;
const leaf = () => node({ exec: () => void calls++ });
const classes = {
  BatchNode: (options: object) => Object.assign(new BatchNode(options), { exec: () => void calls++ }),
  AsyncParallelBatchNode: (options: object) =>
    Object.assign(new AsyncParallelBatchNode(options), { exec: () => void calls++ }),
  BatchFlow: (options: object) => new BatchFlow(leaf(), options),
  AsyncParallelBatchFlow: (options: object) => new AsyncParallelBatchFlow(leaf(), options),
};

const late = async () => {
  await sleep(1);
  throw new Error("too late");
};
class Bluebird {
  readonly #promise = late();
  // biome-ignore lint/suspicious/noThenProperty: what a promise of another library has
  then(...args: Parameters<Promise<unknown>["then"]>) {
    return this.#promise.then(...args);
  }
}
Object.defineProperty(Bluebird, "name", { value: "Promise" });

/** What gives a promise as its third item; all but the generators have others after it, which fail too. */
const promises: Record<string, () => unknown> = {
  "an array": () => [{}, {}, late(), late(), late()],
  "a Set": () => new Set([{}, {}, late(), late()]),
  "a promise of an array": async () => [{}, {}, late(), late()],
  "promises of another library": () => [{}, {}, new Bluebird(), new Bluebird()],
  "a subclass of Promise": () => [{}, {}, class extends Promise<never> {}.reject(new Error("no"))],
  "a generator": function* () {
    yield {};
    yield {};
    yield late();
  },
  "an iterator of one's own": () => {
    let n = 0;
    return { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: n++ < 2 ? {} : late() }) }) };
  },
  "an async iterator of one's own": () => {
    let n = 0;
    return {
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: n++ < 2 ? {} : late() }) }),
    };
  },
};

describe.for(Object.keys(classes) as (keyof typeof classes)[])("promises as the items of a %s", (kind) => {
  test.for(Object.keys(promises))(
    "in %s are an error, under each watcher, whatever onError says",
    async (from) => {
      for (const [watcher, run] of Object.entries(watchers)) {
        for (const options of [{}, { onError: "collect" }, { attempts: 2, timeout: 1_000 }]) {
          const batch = Object.assign(classes[kind]({ name: "Fetch", ...options }), { prep: promises[from] });
          const error = await rejection(run(new Flow(batch), {}));
          expect(error, watcher).toMatchObject({
            code: "INVALID_ITEM",
            message: expect.stringMatching(
              /^"Fetch": expected prep\(\) to return items, got a promise at index 2/,
            ),
          });
          expect(locate(error)?.node, watcher).toBe("Fetch");
        }
      }
    },
  );
});

test("a list with a promise in it is refused before its first item begins", async () => {
  calls = 0;
  const batch = Object.assign(classes.AsyncParallelBatchNode({}), { prep: () => [{}, {}, late()] });
  expect(await rejection(batch.run({}))).toMatchObject({ code: "INVALID_ITEM" });
  expect(calls).toBe(0);
});

test("a generator is closed at its first promise", async () => {
  let closed = false;
  const batch = Object.assign(classes.AsyncParallelBatchNode({ concurrency: 4 }), {
    *prep() {
      try {
        for (;;) yield late();
      } finally {
        closed = true;
      }
    },
  });
  expect(await rejection(batch.run({}))).toMatchObject({ code: "INVALID_ITEM" });
  expect(closed).toBe(true);
});

test("what an async generator yields is awaited, and an object with a lazy then() is an item", async () => {
  const seen: unknown[] = [];
  const batch = Object.assign(new BatchNode(), { exec: (item: unknown) => void seen.push(item) });
  await Object.assign(batch, {
    async *prep() {
      yield Promise.resolve(1);
      yield 2;
    },
  }).run({});
  expect(seen.splice(0)).toEqual([1, 2]);
  let began = false;
  // biome-ignore lint/suspicious/noThenProperty: as a query builder has
  const query = { table: "users", then: () => (began = true) };
  await Object.assign(batch, { prep: () => [query] }).run({});
  expect(seen).toEqual([query]);
  expect(began).toBe(false);
});

describe("an iterator that gives no object", () => {
  const iterators: Record<string, [iterable: object, got: string]> = {
    "next() returns nothing": [{ [Symbol.iterator]: () => ({ next() {} }) }, "got undefined"],
    "next() returns a number": [{ [Symbol.iterator]: () => ({ next: () => 1 }) }, "got 1 (number)"],
    "next() gives a promise under Symbol.iterator": [
      { [Symbol.iterator]: () => ({ next: async () => ({ done: true }) }) },
      "Symbol.asyncIterator",
    ],
    "next() rejects under Symbol.iterator": [
      { [Symbol.iterator]: () => ({ next: () => Promise.reject(new Error("no")) }) },
      "Symbol.asyncIterator",
    ],
    "an async next() gives nothing": [
      { [Symbol.asyncIterator]: () => ({ async next() {} }) },
      "got undefined",
    ],
    "a sync next() under Symbol.asyncIterator returns null": [
      { [Symbol.asyncIterator]: () => ({ next: () => null }) },
      "got null",
    ],
    "there is no iterator": [{ [Symbol.iterator]: () => undefined }, "got undefined"],
    "there is no async iterator": [{ [Symbol.asyncIterator]: () => 5 }, "got 5"],
    "there is no next()": [{ [Symbol.iterator]: () => ({}) }, "got an object"],
  };

  test.for(Object.keys(iterators))(
    "%s: an error that names the node, in every kind of batch",
    async (name) => {
      const [iterable, got] = iterators[name]!;
      for (const make of Object.values(classes)) {
        for (const [watcher, run] of Object.entries(watchers)) {
          const batch = Object.assign(make({ name: "Read", onError: "collect" }), { prep: () => iterable });
          const error = await rejection(run(new Flow(batch), {}));
          expect(error, watcher).toMatchObject({
            name: "TypeError",
            message: expect.stringMatching(/^"Read": expected the iterator of what prep\(\) gave /),
          });
          expect((error as Error).message, watcher).toContain(got);
          expect(locate(error)?.node, watcher).toBe("Read");
        }
      }
    },
  );
});

test("an ItemFailure never stands for a promise", async () => {
  const results: unknown[] = [];
  const batch = Object.assign(new BatchNode({ onError: "collect" }), {
    prep: () => [late()],
    post: (_shared: unknown, _items: unknown, all: unknown[]) => void results.push(...all.filter(isFailure)),
  });
  await rejection(batch.run({}));
  expect(results).toEqual([]);
});

test.for(Object.keys(classes) as (keyof typeof classes)[])(
  "%s: promises in a list are refused before the event loop gets its turn, which lets them reject",
  async (kind) => {
    for (const [name, run] of Object.entries(watchers)) {
      const batch = classes[kind]({});
      batch.prep = () => {
        const items = [{}, late(), late()];
        const until = performance.now() + 45;
        while (performance.now() < until); // a turn is due after 40 ms
        return items as never;
      };
      expect(await rejection(run(new Flow(batch), {})), name).toMatchObject({ code: "INVALID_ITEM" });
    }
  },
);
