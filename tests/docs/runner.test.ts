import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { docCommentBlocks, findBlocks, markdownBlocks } from "./blocks.js";
import { makeScratch } from "./run.js";
import { type Verification, verifications } from "./verify.js";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");
const scratch = makeScratch(root);
afterAll(scratch.remove);

/** A fenced block; with no lines before it, its first line of code is line 2. */
const block = (info: string, ...lines: string[]): string => [`\`\`\`${info}`, ...lines, "```", ""].join("\n");

const good: Record<string, string> = {
  "a value, deep, awaited, declared, or on the next line": block(
    "ts",
    "[1, { a: [2] }]; // => [1, { a: [2] }]",
    "await Promise.resolve(1); // => 1",
    "export const x = new Map([[1, 2]]); // => new Map([[1, 2]])",
    "const { y } = { y: 1 }; // => { y: 1 }",
    "x.size + y;",
    "// => 2",
    "({ x: [1], y }); // => {",
    "//   x: [1],",
    "//   y: 1,",
    "// }",
  ),
  "a claim inside a loop or a function that runs": block(
    "ts",
    "for (const n of [1, 2]) {",
    "  n > 0; // => true",
    "}",
  ),
  "an expected error, thrown or rejected": block(
    "ts",
    'JSON.parse("{"); // => throws SyntaxError: …',
    'await Promise.reject(new TypeError("no")); // => throws TypeError: no',
    'const fail = () => { throw new Error("a b c"); };',
    "fail(); // => throws",
    "const never = fail(); // => throws Error: a … c",
  ),
  "what console.log prints": block(
    "ts",
    'console.log("a", [1]); // => a [ 1 ]',
    "// A remark.",
    'console.log("took 5 ms"); // => took …',
  ),
  "output in a block of its own":
    block("ts", 'console.log("a\\nb  \\nc d");', 'console.error("not printed");') +
    block("text output", "a", "…", "c …"),
  "output of each block of a chain": [
    block("ts", 'import { sep } from "node:path";', "console.log(sep.length);"),
    block("text output", "1"),
    block(
      "ts continues",
      'import { posix, sep } from "node:path";',
      "console.log(posix.join('a', '/'), sep.length);",
    ),
    block("text output", "a/ 1"),
  ].join("\n"),
  "overloads, classes, exports and type declarations": block(
    "ts",
    "function f(a: string): string;",
    "function f(a: number): number;",
    "function f(a: unknown) { return a; }",
    "interface I { a: number }",
    "export class C implements I { a = f(1); #b = 2; get b() { return this.#b; } }",
    "new C().b; // => 2",
    "export default C;",
  ),
  "a relative import, from the page's own folder": block(
    "ts",
    'import { isCode } from "./tests/docs/info-string.js";',
    'typeof isCode; // => "function"',
  ),
  "plain JavaScript without types": block("js", "const twice = (x) => x * 2;", "twice(2); // => 4"),
  "a subclass without `override`, an element without `?.`": block(
    "ts",
    'import { EventEmitter } from "node:events";',
    "class Quiet extends EventEmitter { emit() { return false; } }",
    "const words = [String(new Quiet().emit())];",
    "words[0].length; // => 5",
  ),
  "a block that must not compile": block("ts fails", 'const n: number = "1";'),
  "a block that must not compile after one that does":
    block("ts", "const n = 1;") + block("ts continues fails", "n.trim();"),
  "blocks that are not run": [
    block("ts sketch", "declare const anything: Unknown;", "anything.goes();"),
    block("json", '{ "a": [1] }'),
    block("yaml", "a: [1]"),
    block("mermaid", "graph TD"),
    block("text", "anything"),
    block("sh", "npm install && npx vitest", "npm test"),
  ].join("\n"),
};

/** On the left what the page holds, on the right what the test must say, after the name of the page. */
const bad: Record<string, [page: string, error: string]> = {
  "a wrong value": [`# Title\n\n${block("ts", "", "1 + 1; // => 3")}`, ":5: got 2, but the page says 3"],
  "each wrong value, not only the first": [
    block("ts", "1; // => 2", "3; // => 4"),
    ":2: got 1, but the page says 2\nPAGE:3: got 3",
  ],
  "a wrong value in a list item": [
    `- one\n\n  ${block("ts", "  const a = [1]; // => [2]").replace("\n```", "\n  ```")}`,
    ":4: got [ 1 ]",
  ],
  "a claim that is not JavaScript": [block("ts", "1; // => one"), ":2: got 1, but the page says one"],
  "a claim that does not parse": [block("ts", "1; // => about 1"), ":2: `about 1` is not a JS value"],
  "a claim about nothing": [
    block("ts", "const f = () => {", "  return 1; // => 1", "};", "f();"),
    ":3: `// =>` must follow",
  ],
  "a claim that is never reached": [
    block("ts", "export const f = () => {", "  f; // => 1", "};"),
    ":3: this `// =>` was never reached",
  ],
  "a missing await": [
    block("ts", "Promise.resolve(1); // => 1"),
    ":2: got Promise { 1 }, but the page says 1",
  ],
  "another error than the page says": [
    block("ts", "await Promise.reject(new Error('a')); // => throws Error: b"),
    ":2: throws Error: a, but",
  ],
  "no error where the page says one": [
    block("ts", "await Promise.resolve(); // => throws Error"),
    ":2: throws nothing, but the page says throws Error",
  ],
  "another line than console.log prints": [
    block("ts", 'console.log("a"); // => b'),
    ":2: prints a, but the page says b",
  ],
  "other output": [
    block("ts", 'console.log("a");') + block("text output", "a", "b"),
    ":4: the block prints\na\nbut the page says\na\nb",
  ],
  "output with nothing that prints it": [
    block("ts sketch", "1;") + block("text output", "a"),
    ":4: `text output` must be",
  ],
  "an error thrown at the top": [
    block("ts", "const a = 1;", "", 'throw new TypeError("no");'),
    ":4: TypeError: no",
  ],
  "an error thrown in the second block of a chain": [
    block("ts", "const a = [1];") + block("ts continues", "new Array(-a.length);"),
    ":5: RangeError",
  ],
  "a type error": [
    block("ts", "", 'const n: number = "a";'),
    ":3: Type 'string' is not assignable to type 'number'. (TS2322)",
  ],
  "a type error in the second block of a chain": [
    block("ts", "const n = 1;") + block("ts continues", "n.trim();"),
    ":5: Property 'trim'",
  ],
  "a syntax error": [block("ts", "const = 1;"), ":2: Variable declaration expected. (TS1134)"],
  "an import of what does not exist": [
    block("ts", 'import { nothing } from "node:path";'),
    ":2: Module '\"node:path\"' has no exported member",
  ],
  "a `fails` that compiles": [
    block("ts fails", "const n: number = 1;"),
    ":1: this must fail to compile, but it compiles",
  ],
  "a `fails` that is only misspelt": [
    block("ts fails", "nobody.knows(1);"),
    ":2: fails for the wrong reason: Cannot find name 'nobody'",
  ],
  "a `fails` whose error is in the block before": [
    block("ts", 'const n: number = "1";') + block("ts continues fails", "n.toFixed();"),
    ":4: this must fail to compile, but it compiles",
  ],
  "no info string": [block("", "a"), ":1: this code block has no info string: write ```ts"],
  "indented code": ["Text\n\n    const a = 1;\n", ":3: this code block has no info string"],
  "an unknown language": [block("tsx", "a"), ":1: `tsx` is not known to the tests: write ```ts"],
  "an unknown word": [
    block("ts", "1;") + block("ts skip", "1;"),
    ":4: `skip` means nothing after `ts`: write nothing or continues or fails or sketch",
  ],
  "an unknown word after `text output`": [
    block("ts", "1;") + block("text output twice", "1"),
    ":4: `twice` means nothing after `text`: write nothing or output",
  ],
  "`continues` with nothing before it": [block("ts continues", "1;"), ":1: `continues` needs a block"],
  "a sketch that does not parse": [
    block("ts sketch", "1;", "const a = ;"),
    ":3: a sketch must parse: Expression expected.",
  ],
  "a claim in a block that is not run": [
    block("ts sketch", "1; // => 1"),
    ":1: a `sketch` is not run: take out its `// =>`",
  ],
  "YAML that does not parse": [block("yaml", "a: b: c"), ":2: this is not YAML"],
  "JSON that does not parse": [block("json", "{ a: 1 }"), ":1: this is not JSON"],
  "an empty diagram": [block("mermaid", ""), ":1: this diagram is empty"],
  "an npm script that does not exist": [
    block("sh", "npm install", "npm run dance"),
    ":3: package.json has no script `dance`",
  ],
  "a block that HTML swallows": ["<details>\n```ts\n1;\n```\n</details>\n", ":1: a code block is swallowed"],
};

const goodOnes = verify(Object.values(good), "good");
const badOnes = verify(
  Object.values(bad).map(([page]) => page),
  "bad",
);

/** All pages in one program, as the repository's own; a page's examples come together. */
function verify(pages: string[], name: string): Verification[][] {
  const blocks = pages.flatMap((page, i) => markdownBlocks(`${name}-${i}.md`, page));
  const all = verifications(blocks, root, scratch.folder);
  return pages.map((_, i) => all.filter((one) => one.name.startsWith(`${name}-${i}.md:`)));
}

const errorOf = async (all: Verification[]): Promise<string> => {
  const ends = await Promise.allSettled(all.map((one) => one.verify()));
  return ends.flatMap((end) => (end.status === "rejected" ? [end.reason.message] : [])).join("\n");
};

describe.concurrent("a page passes with", () => {
  for (const [index, what] of Object.keys(good).entries()) {
    test(what, async () => {
      expect(goodOnes[index]).not.toHaveLength(0);
      expect(await errorOf(goodOnes[index] ?? [])).toBe("");
    });
  }
});

describe.concurrent("a page fails, at its file and line, for", () => {
  for (const [index, [what, [, error]]] of Object.entries(bad).entries()) {
    test(what, async () => {
      const page = `bad-${index}.md`;
      expect(await errorOf(badOnes[index] ?? [])).toContain(page + error.replaceAll("PAGE", page));
    });
  }
});

test("a page fails, at its file and line, for a block that never ends", async () => {
  const blocks = markdownBlocks("endless.md", block("ts", "const a = 1;", "await new Promise(() => a);"));
  const error = await errorOf(verifications(blocks, root, scratch.folder, 20));
  expect(error).toBe("endless.md:3: Error: still waiting here after 20 ms");
});

test("an error's stack begins on the page, and its cause is the error itself", async () => {
  const [one] = verifications(
    markdownBlocks("docs/page.md", block("ts", 'throw new TypeError("no");')),
    root,
    scratch.folder,
  );
  const error: Error = await one?.verify().catch((reason) => reason);
  expect(error.stack).toContain("/docs/page.md:2:1");
  expect(error.cause).toBeInstanceOf(TypeError);
});

describe("blocks are found", () => {
  test("in doc comments, on the lines they have in the file", () => {
    const text = [
      "const a = 1;",
      "/**",
      " * One.",
      " *",
      " * @example",
      " * ```ts",
      " * f({",
      " *   a,",
      " * });",
      " * ```",
      " */",
    ];
    expect(docCommentBlocks("src/f.ts", [...text, "export function f() {}", ""].join("\n"))).toEqual([
      { file: "src/f.ts", line: 6, lang: "ts", words: [], code: "f({\n  a,\n});" },
    ]);
  });

  test("in the doc comments of members, and once each", () => {
    const text =
      "export const a = 1, b = 2;\nclass C {\n  /** M\n   * ```ts\n   * 1;\n   * ```\n   */\n  m() {}\n}\n";
    expect(docCommentBlocks("src/c.ts", text).map(({ line, code }) => [line, code])).toEqual([[4, "1;"]]);
  });

  test("not in an @example without a fence, which is a problem", () => {
    const [found] = docCommentBlocks(
      "src/f.ts",
      "/**\n * One.\n * @example f()\n */\nexport function f() {}\n",
    );
    expect(found).toMatchObject({
      line: 3,
      problem: "an @example needs a fenced block: write ```ts under it",
    });
  });

  test("on all pages and in all sources, but not in dependencies", () => {
    const folder = mkdtempSync(join(scratch.folder, "tree-"));
    const pages = ["README.md", "CHANGELOG.md", "docs/guide/a.md", "cookbook/chat/README.md"];
    const others = [
      "NOTES.md",
      "cookbook/chat/notes.md",
      "cookbook/chat/node_modules/x/README.md",
      "docs/.vitepress/a.md",
    ];
    for (const file of [...pages, ...others]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), block("ts", "1;"));
    }
    mkdirSync(join(folder, "src"));
    writeFileSync(join(folder, "src/f.ts"), "/**\n * ```ts\n * 1;\n * ```\n */\nexport const f = 1;\n");
    expect(
      findBlocks(folder)
        .map(({ file }) => file)
        .sort(),
    ).toEqual([...pages, "src/f.ts"].sort());
  });
});
