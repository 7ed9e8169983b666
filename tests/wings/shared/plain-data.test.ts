// Plain data to text and back: what comes back is what was written, whichever way it went.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encode, encodeGroups, problemOf } from "../../../src/wings/shared/plain-data.js";

const again = (value: unknown) => decode(encode(value));
const isJson = (value: unknown) => encode(value).startsWith("=");

describe("what is written comes back", () => {
  const plain = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
  });

  test("for any plain data", () => {
    fc.assert(
      fc.property(plain, (value) => {
        if (problemOf(value) === undefined) expect(again(value)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["numbers that JSON has no text for", [Number.NaN, Number.POSITIVE_INFINITY, -0]],
    ["nothing in a list and in an object", { a: undefined, list: [undefined, null] }],
    ["a hole", Array.from({ length: 3 }).fill(1, 1)],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 })],
    ["classes of the language", [new Date(0), new Map([[1, new Set([2n])]]), new Uint8Array([1])]],
    ["undefined alone", undefined],
  ])("%s, of which JSON would make something else", (_what, value) => {
    expect(isJson(value)).toBe(false);
    expect(again(value)).toStrictEqual(value);
  });

  test.each([
    ["texts, with half of a pair", ["", "=", '"', "\ud800", "\u2028"]],
    ["numbers, booleans, null", [0, -1.5, 1e300, true, null]],
    ["objects in lists in objects", { a: [{ b: [[]] }], "": {} }],
    ["a text that looks like a mark", "=[1]"],
  ])("%s, as JSON", (_what, value) => {
    expect(isJson(value)).toBe(true);
    expect(again(value)).toStrictEqual(value);
  });

  test("an object that is reached twice is one object afterwards, and a cycle is a cycle", () => {
    const [common, cycle] = [{ a: 1 }, {} as { self?: object }];
    cycle.self = cycle;
    const [first, second] = again([common, common]) as object[];
    expect(first).toBe(second);
    const back = again(cycle) as typeof cycle;
    expect(back.self).toBe(back);
  });

  test("a `toJSON` that is not enumerable is ignored", () => {
    const value = Object.defineProperty({ a: 1 }, "toJSON", { value: () => "something else" });
    expect(again(value)).toStrictEqual({ a: 1 });
  });

  test("what devalue wrote before there was JSON", () => {
    expect(decode('[{"a":1},1]')).toEqual({ a: 1 });
    expect(decode("-1")).toBe(undefined);
  });
});

test("keys that reach a common object are one text, the others one each", () => {
  const common = {};
  const groups = encodeGroups(
    new Map<string, unknown>([
      ["a", [common]],
      ["b", 1],
      ["c", { common }],
    ]),
    String,
  );
  expect(groups.map(({ keys }) => keys)).toEqual([["a", "c"], ["b"]]);
  expect(decode(groups[1]?.text as string)).toEqual(["b", 1]);
});

test.each([
  [() => 1, "a function"],
  [Symbol("s"), "Symbol"],
  [{ get a() { return 1; } }, "the getter \"a\""], // biome-ignore format: one line
  [{ [Symbol("s")]: 1 }, "a symbol as a key"],
  [JSON.parse('{"__proto__":1}'), "`__proto__`"],
  [new (class Client {})(), "Client"],
  [new Map([[{ client: () => 1 }, 1]]), "a function"],
])("%o is no plain data", (value, what) => {
  expect(problemOf([value])?.toLowerCase()).toContain(what.toLowerCase());
});
