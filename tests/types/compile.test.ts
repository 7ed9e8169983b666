// The public types under each compiler: what must compile does, and what must not does not.
import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Compiler, compile, compilers, project, root } from "../support/compilers.js";

const read = (name: string) => readFile(fileURLToPath(new URL(name, import.meta.url)), "utf8");
const EXPECTED = "// @ts-expect-error";

async function check(compiler: Compiler, files: Record<string, string>, options?: object): Promise<string> {
  const folder = await project(files, options);
  onTestFinished(() => rm(folder, { recursive: true }));
  return compile(compiler, folder);
}

describe.for(Object.keys(compilers) as Compiler[])("TypeScript %s", (compiler) => {
  test("is the version that its name says", async () => {
    expect(await compile(compiler, root, "--version")).toContain(`Version ${compiler}.`);
  });

  test("accepts annotated, loose and inferred nodes, and refuses every mistake", async () => {
    const files = {
      "must-compile.ts": await read("must-compile.test-d.ts"),
      "must-not-compile.ts": await read("must-not-compile.test-d.ts"),
    };
    expect(await check(compiler, files)).toBe("");
  });

  test("tells of each mistake where it was made, and of nothing else", async () => {
    const text = await read("must-not-compile.test-d.ts");
    const lines = text.split("\n").flatMap((line, index) => (line.trim() === EXPECTED ? [index + 2] : []));
    const told = await check(compiler, { "mistakes.ts": text.replaceAll(EXPECTED, "//") });
    const found = [...told.matchAll(/^mistakes\.ts\((\d+),/gm)].map((match) => Number(match[1]));
    expect([...new Set(found)]).toEqual(lines);
  });

  test("accepts plain JavaScript under checkJs", async () => {
    const files = { "plain.js": await read("plain.test-d.js") };
    const options = { allowJs: true, checkJs: true, noImplicitAny: false, noImplicitOverride: false };
    expect(await check(compiler, files, options)).toBe("");
  });
});
