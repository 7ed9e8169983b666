// Values of another realm, as code under Jest or in a vm pool gets them, pass the same checks as those of this one.
import { runInNewContext } from "node:vm";
import { AsyncParallelBatchNode, Flow, Gate, node } from "sluice";
import { batched } from "sluice/batching";
import { move } from "sluice/threads";
import { expect, test } from "vitest";
import { aSignal } from "../../src/base/options.js";
import { builtInOf, isError, isObject } from "../../src/base/realms.js";
import { plain } from "../../src/wings/trace/plain.js";

/** Makes a value in a realm of its own. */
const foreign = (expression: string): unknown =>
  runInNewContext(`(${expression})`, { AbortController, DOMException, URL });

test.each(["{}", "[]", "() => 1", "new Map()", "class {}"])(
  "%s of another realm is an object",
  (expression) => {
    const value = foreign(expression);
    expect(value instanceof Object).toBe(false);
    expect(isObject(value)).toBe(true);
  },
);

test.each(["null", "undefined", "1", '"a"', "Symbol()"])("%s is no object", (expression) => {
  expect(isObject(foreign(expression))).toBe(false);
});

test.each([
  ["new Error()", true],
  ["new TypeError()", true],
  ["new (class Own extends RangeError {})()", true],
  ['new DOMException("a", "AbortError")', true],
  ['{ name: "Error", message: "a" }', false],
  ['"Error"', false],
])("whether %s of another realm is an error: %s", (expression, expected) => {
  expect(isError(foreign(expression))).toBe(expected);
});

test("a built-in class has its name in each realm", () => {
  const names = ["Map", "Set", "Date", "Promise", "RegExp"];
  expect(
    names.map((name) => builtInOf(foreign(name === "Promise" ? "Promise.resolve()" : `new ${name}()`))),
  ).toEqual(names);
});

/** As jsdom and other environments have it: a signal that is no instance of anything here. */
const foreignSignal = () => {
  const { signal } = new AbortController();
  const methods = ["addEventListener", "removeEventListener", "throwIfAborted"] as const;
  return Object.create(null, {
    aborted: { get: () => signal.aborted },
    reason: { get: () => signal.reason },
    ...Object.fromEntries(methods.map((name) => [name, { value: signal[name].bind(signal) }])),
  }) as AbortSignal;
};

test("a signal of another realm is taken wherever one is", async () => {
  expect(aSignal.accepts(foreignSignal())).toBe(true);
  const flow = new Flow(
    node({ exec: (_, { signal }) => new Gate({ concurrency: 1 }).run(() => signal.aborted) }),
  );
  expect(await flow.run({}, { signal: foreignSignal() })).toBeUndefined();
  expect(await new Gate().run(() => 1, { signal: foreignSignal() })).toBe(1);
  const lengthOf = batched(async (texts: readonly string[]) => texts.map((text) => text.length), {
    signal: foreignSignal(),
  });
  expect(await lengthOf("abc", { signal: foreignSignal() })).toBe(3);
});

test("items, params and options of another realm are taken as they are", async () => {
  const shared: { sums?: number[] } = {};
  class Double extends AsyncParallelBatchNode<typeof shared, number, number> {
    override prep() {
      return foreign("new Set([1, 2])") as Iterable<number>;
    }
    override exec(n: number) {
      return foreign(`Promise.resolve(${2 * n})`) as Promise<number>;
    }
    override post(store: typeof shared, _items: unknown, results: number[]) {
      store.sums = results;
    }
  }
  await new Flow(new Double(foreign("{ concurrency: 2 }") as object)).run(shared, {
    params: foreign("{ a: 1 }") as object,
  });
  expect(shared.sums).toEqual([2, 4]);
});

test("a trace shows values of another realm as its own", () => {
  expect(plain(foreign('new Map([["a", 1]])'))).toEqual([["a", 1]]);
  expect(plain(foreign("new Set([1, 2])"))).toEqual([1, 2]);
  expect(plain(foreign("new Date(0)"))).toBe("1970-01-01T00:00:00.000Z");
  expect(plain(foreign('new TypeError("no")'))).toBe("[TypeError: no]");
});

test("a buffer of another realm can be moved", () => {
  const buffer = foreign("new ArrayBuffer(8)") as ArrayBuffer;
  expect(move(buffer)).toBe(buffer);
});
