// The recipe coding-agent runs the tests of a folder as a program.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createProject } from "../../cookbook/coding-agent/project.js";
import { runTests } from "../../cookbook/coding-agent/run-tests.js";
import { isFull } from "../support/size.js";

const folders = [createProject(), mkdtempSync(join(tmpdir(), "coding-"))] as const;
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});
const env = { PATH: process.env.PATH };

test.runIf(isFull)("it counts the tests, and hides the folder and the environment", async () => {
  writeFileSync(
    join(folders[0], "test/env.test.js"),
    'import { test } from "node:test"; test("env", () => { if (process.env.HOME) throw new Error("seen"); });',
  );
  const { passed, failed, output } = await runTests(folders[0], env, new AbortController().signal);
  expect([passed, failed]).toEqual([1, 2]);
  expect(output).toContain("till.test.js");
  expect(output).not.toContain(folders[0]);
});

test.runIf(isFull)("an abort ends tests that spin", async () => {
  writeFileSync(join(folders[1], "a.test.js"), "for (;;);");
  const stop = new AbortController();
  const ended = runTests(folders[1], env, stop.signal);
  setImmediate(() => stop.abort(new Error("enough")));
  await expect(ended).rejects.toThrow("enough");
});
