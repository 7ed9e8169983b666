// The words of docs, doc comments, messages and titles of tests: one standard word for one thing, and no people where things are meant.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { read, root, sources } from "./support/sources.js";

/** What is not written, and what to write. */
const instead: readonly (readonly [RegExp, string])[] = [
  [/\b(tell|tells|telling|told)\b/i, "emit, report, say, show, distinguish"],
  [/\b(hear|hears|heard)\b/i, "listen, get, receive"],
  [/\b(letGo|lets? go|lets everybody go|giveUp|gives? up)\b/i, "release, unsubscribe, abandon"],
  [/\b(breathe|breathes|stepsToClock)\b/i, "yieldIfDue, yieldBudget, event-loop yields"],
  [/\b(passNow|sitOut|sits? out)\b/i, "acquire, tryAcquire, pauseAfterRefusal"],
  [/\b(mends?|mended|strangers?)\b/i, "fix, repair, untrusted"],
  [/\bperform(s|ed|ing)?\b/i, "execute a node, call a hook, run a flow"],
  [/\bfrom [01] up\b/i, "a positive integer, 0 or more"],
  [/\b(to be given|for ever)\b/i, "is required, without end"],
  [/\bwait(s)? for itself\b/i, "can deadlock on itself"],
  [/\bas it should be\b|\bthat is no node\b|\bwhat is no node\b/i, "invalid, not a node"],
  [
    /\bby hand that\b|\bbeside a (hand-written )?loop\b|\bwritten by hand and\b/i,
    "compares with a hand-written loop",
  ],
  [/\bthose who\b/i, "callers, clients, calls that"],
  [
    /\b(whoever|whomever|nobody|everybody|somebody|anybody)\b/i,
    "the caller, no listener, all calls, a person",
  ],
];

/** A name that is replaced in src/ and its docs. In a recipe a passage is a part of a text. */
const inLibrary: typeof instead = [...instead, [/\bPassage\b/i, "AcquireRequest"]];

/** Texts of recipes that are quoted: an attack, the pattern that finds it, the secret in a documented signature. */
const quoted = ["what you were told", "above|before|told", "It's a Secret to Everybody"];

const recipes = readdirSync(join(root, "cookbook"), { recursive: true, encoding: "utf8" })
  .map((file) => `cookbook/${file.replaceAll("\\", "/")}`)
  .filter((file) => /\.(md|ts|html)$/.test(file) && !file.includes("node_modules/"));

const pages = [
  ...["README.md", "AGENTS.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "llms.txt"],
  ...["bench/README.md", "site/home.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file.replaceAll("\\", "/")}`),
];

const faultsIn = (name: string, text: string, words = inLibrary): string[] =>
  text
    .split("\n")
    .flatMap((line, at) =>
      words
        .filter(([pattern]) => pattern.test(line))
        .map(([pattern, better]) => `${name}:${at + 1}: ${pattern.exec(line)?.[0]}; write ${better}`),
    );

test("no page has a word that was replaced", () => {
  expect(pages.flatMap((page) => faultsIn(page, read(page)))).toEqual([]);
});

test("no recipe has one in its page, code, prompts or tests", () => {
  const textOf = (file: string) => quoted.reduce((text, quote) => text.replaceAll(quote, ""), read(file));
  expect(recipes.flatMap((file) => faultsIn(file, textOf(file), instead))).toEqual([]);
  for (const quote of quoted) expect(recipes.some((file) => read(file).includes(quote))).toBe(true);
});

test("no comment, message or name in src/ has one", () => {
  expect([...sources.values()].flatMap(({ name, tree }) => faultsIn(`src/${name}.ts`, tree.text))).toEqual(
    [],
  );
});

/** The titles of the tests in a file, as source text on the lines where they are. */
function titlesIn(name: string, text: string): string {
  const lines = text.split("\n").map(() => "");
  const tree = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression))
      for (const each of node.arguments) {
        if (!ts.isStringLiteralLike(each) && !ts.isTemplateExpression(each)) continue;
        lines[tree.getLineAndCharacterOfPosition(each.getStart()).line] += ` ${each.getText()}`;
      }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return lines.join("\n");
}

/** Whether a call is `test(…)`, `describe.each(…)(…)`, `test.skipIf(…)(…)` or the like. */
function isTest(callee: ts.Expression): boolean {
  if (ts.isPropertyAccessExpression(callee) || ts.isCallExpression(callee)) return isTest(callee.expression);
  return ts.isIdentifier(callee) && ["test", "it", "describe"].includes(callee.text);
}

const tests = readdirSync(join(root, "tests"), { recursive: true, encoding: "utf8" })
  .map((file) => `tests/${file.replaceAll("\\", "/")}`)
  .filter((file) => file.endsWith(".test.ts"));

test("no title of a test has one", () => {
  expect(tests.flatMap((file) => faultsIn(file, titlesIn(file, read(file))))).toEqual([]);
});

test("titles are found in every form of a test", () => {
  const text = 'describe("a");\ntest.each(["b"])("c %s", () => {\n  it.skipIf(d)(`e`);\n});\ncall("g");';
  expect(titlesIn("a.test.ts", text).split("\n")).toEqual([' "a"', ' "c %s"', " `e`", "", ""]);
});

test("a word is found with its place and with what to write", () => {
  expect(faultsIn("a.md", "A run.\nIt is told.")).toEqual([
    "a.md:2: told; write emit, report, say, show, distinguish",
  ]);
  expect(faultsIn("a.ts", "performance.now(); NOBODY_TO_ASK; a storyteller")).toEqual([]);
});
