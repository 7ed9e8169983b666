import { describe, expect, test } from "vitest";
import { age, cut, jsonOf, printable, table, withoutPasswords } from "../../src/cli/terminal-text.js";

describe("text for a terminal", () => {
  test("does not colour it, break the line or turn it round", () => {
    expect(printable("a\u001b[31mb\nc\u009bd\u202ee\u2028f")).toBe("a\\x1b[31mb\\x0ac\\x9bd\\u202ee\\u2028f");
  });

  test("is cut between characters", () => {
    expect(cut("gate", undefined)).toBe("gate");
    expect(cut("gate", 4)).toBe("gate");
    expect(cut("gates", 4)).toBe("gat…");
    expect(cut("😀😀😀", 2)).toBe("😀…");
  });

  test("has an age in one unit", () => {
    expect([-5, 900, 59_999, 60_000, 7_199_999, 86_400_000 * 3].map(age)).toEqual([
      "0 s",
      "0 s",
      "59 s",
      "1 min",
      "1 h",
      "3 d",
    ]);
  });

  test("stands in columns, the last of which takes what is left", () => {
    const rows = [
      ["ID", "WHY"],
      ["r1", "a\nreason that is long"],
    ];
    expect(table(rows, undefined)).toBe("ID  WHY\nr1  a\\x0areason that is long\n");
    expect(table(rows, 16)).toBe("ID  WHY\nr1  a\\x0areason…\n");
  });
});

test.each([
  ["postgres://me:pw@host:5432/db", "postgres://me:***@host:5432/db"],
  ["postgres://me:p@w/d:x@host/db", "postgres://me:***@host/db"],
  ["postgresql://:pw@host", "postgresql://:***@host"],
  ["at postgres://host/db?user=me&password=pw&x=1", "at postgres://host/db?user=me&password=***&x=1"],
  ["file:///a/b.ts:12:3 and https://host:80/a", "file:///a/b.ts:12:3 and https://host:80/a"],
])("a password is hidden in %s", (text, hidden) => {
  expect(withoutPasswords(text)).toBe(hidden);
});

test("JSON has a stand-in for plain data that it lacks, and nothing that colours a terminal", () => {
  const cycle: Record<string, unknown> = { map: new Map([["a", new Set([1n])]]), nan: Number.NaN };
  cycle.self = cycle;
  const twice = { n: 1 };
  const text = jsonOf({ cycle, twice: [twice, twice], at: new Date(0), text: "\u009b\u202e" });
  expect(text).toContain('"\\u009b\\u202e"');
  expect(JSON.parse(text)).toEqual({
    cycle: { map: [["a", ["1"]]], nan: "NaN", self: "[circular]" },
    twice: [{ n: 1 }, { n: 1 }],
    at: "1970-01-01T00:00:00.000Z",
    text: "\u009b\u202e",
  });
  const map = new Map<string, unknown>();
  map.set("self", map);
  expect(JSON.parse(jsonOf({ map }))).toEqual({ map: [["self", "[circular]"]] });
});
