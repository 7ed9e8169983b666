import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { createCodingFlow, type Shared } from "./coding-agent.js";
import { Refusal, Workspace } from "./workspace.js";

let outer = "";
let workspace: Workspace;
beforeEach(async () => {
  outer = mkdtempSync(join(tmpdir(), "coding-"));
  for (const folder of ["in/src", "in/test", "in/.git", "in/node_modules"])
    mkdirSync(join(outer, folder), { recursive: true });
  writeFileSync(join(outer, "secret"), "key");
  writeFileSync(join(outer, "in/.env"), "key");
  writeFileSync(join(outer, "in/.git/config"), "key");
  writeFileSync(join(outer, "in/node_modules/a.js"), "key");
  writeFileSync(join(outer, "in/src/sum.js"), "a - b\n");
  writeFileSync(join(outer, "in/test/sum.test.js"), "sum\n");
  symlinkSync(join(outer, "secret"), join(outer, "in/link"));
  symlinkSync(join(outer, "nothing"), join(outer, "in/dead"));
  symlinkSync(join(outer, "in/.env"), join(outer, "in/env"));
  workspace = await Workspace.open(join(outer, "in"));
});
afterEach(() => rmSync(outer, { recursive: true }));
const sum = () => readFileSync(join(outer, "in/src/sum.js"), "utf8");

type Step = { action: string; path?: string; find?: string; replacement?: string };
/** Runs with these decisions; the tests pass when the sum is a sum. */
async function repair(steps: Step[], maxSteps = 50) {
  const json = async () => ({ thought: "", path: "", find: "", replacement: "", ...steps.shift() });
  const shared: Shared = { log: [], patches: [] };
  const flow = createCodingFlow({ json } as unknown as Model, workspace, async () => {
    const failed = sum().includes("a + b") ? 0 : 1;
    return { passed: 1 - failed, failed, output: "" };
  });
  const ending = await flow.run(shared, { maxSteps }).catch(({ code }) => code);
  return { ending, shared, results: shared.log.map(({ result }) => result) };
}
const patch = { action: "patch", path: "src/sum.js", find: "a - b", replacement: "a + b" };

test("it reads, patches and is done when the tests pass", async () => {
  const { ending, shared, results } = await repair([{ action: "read", path: "src/sum.js" }, patch]);
  expect(ending).toBe("tests pass");
  expect(results[1]).toBe("a - b\n");
  expect(shared.patches).toHaveLength(1);
  expect(sum()).toBe("a + b\n");
});

test("an undone patch is out of the file and out of the list", async () => {
  const { ending, shared } = await repair([
    { ...patch, replacement: "a * b" },
    { action: "undo" },
    { action: "undo" },
    { action: "stop" },
  ]);
  expect([ending, sum(), shared.patches]).toEqual(["stop", "a - b\n", []]);
  expect(shared.log.at(-1)?.result).toBe("There is no patch to take back.");
});

test("maxSteps ends it, whatever the model wants", async () => {
  const search = Array.from({ length: 50 }, () => ({ action: "search", find: "a - b" }));
  const { ending, results } = await repair(search, 9);
  expect(ending).toBe("MAX_STEPS");
  expect(results[1]).toBe("src/sum.js:1: a - b");
});

test.each([
  ["../secret", "is outside of the folder"],
  ["/etc/hostname", "is outside of the folder"],
  ["../nowhere", "is outside of the folder"],
  ["link", "is outside of the folder"],
  ["env", "is not part of the project"],
  [".env", "is not part of the project"],
  [".git/config", "is not part of the project"],
  ["node_modules/a.js", "is not part of the project"],
  ["dead", "There is no file"],
  ["new.js", "There is no file"],
  ["src", "is not a file"],
])("%s cannot be read or changed, and the model gets the reason", async (path, why) => {
  await expect(workspace.read(path)).rejects.toThrow(why);
  await expect(workspace.replace(path, "key", "x")).rejects.toThrow(Refusal);
  expect(readFileSync(join(outer, "secret"), "utf8")).toBe("key");
});

test("tests are not changed, and a text must occur once", async () => {
  await expect(workspace.replace("test/sum.test.js", "sum", "x")).rejects.toThrow("Tests say what is wanted");
  await expect(workspace.replace("src/sum.js", " ", "x")).rejects.toThrow("2 times; expected once");
  expect(await workspace.files()).toEqual(["src/sum.js", "test/sum.test.js"]);
});
