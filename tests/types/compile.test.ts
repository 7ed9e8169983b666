// The public types under each compiler: what must compile does, and what must not does not.
import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Compiled,
  compileAll,
  compilersTried,
  configOf,
  folderForProjects,
} from "../support/compilers.js";
import { isFull } from "../support/size.js";

const read = (name: string) => readFile(fileURLToPath(new URL(name, import.meta.url)), "utf8");
const EXPECTED = "// @ts-expect-error";

describe.for(compilersTried(isFull))("TypeScript %s", (compiler) => {
  let folder: string;
  let mistakes: string;
  let compiled: Compiled<"right" | "wrong" | "plain">;
  beforeAll(async () => {
    folder = await folderForProjects();
    mistakes = await read("must-not-compile.test-d.ts");
    const right = {
      "must-compile.ts": await read("must-compile.test-d.ts"),
      "must-not-compile.ts": mistakes,
    };
    const loose = { allowJs: true, checkJs: true, noImplicitAny: false, noImplicitOverride: false };
    compiled = await compileAll(compiler, folder, {
      right: { files: right, config: configOf() },
      wrong: { files: { "mistakes.ts": mistakes.replaceAll(EXPECTED, "//") }, config: configOf() },
      plain: { files: { "plain.js": await read("plain.test-d.js") }, config: configOf(loose) },
    });
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("is the version that its name says", () => {
    expect(compiled.version).toMatch(new RegExp(`^${compiler.replace(".", "\\.")}\\.`));
  });

  test("accepts annotated, loose and inferred nodes, and refuses every mistake", () => {
    expect(compiled.output.right).toBe("");
  });

  test("reports each mistake at its place, and nothing else", () => {
    const lines = mistakes
      .split("\n")
      .flatMap((line, index) => (line.trim() === EXPECTED ? [index + 2] : []));
    const found = [...compiled.output.wrong.matchAll(/^mistakes\.ts\((\d+),/gm)].map((match) =>
      Number(match[1]),
    );
    expect([...new Set(found)]).toEqual(lines);
  });

  test("accepts plain JavaScript under checkJs", () => {
    expect(compiled.output.plain).toBe("");
  });
});
