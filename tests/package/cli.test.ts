// The command `sluice` and sluice/trace as a stranger gets them: the packed tarball, and nothing else installed.
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Packed, pack, run } from "../support/pack.js";

let packed: Packed;
beforeAll(async () => {
  packed = await pack();
});
afterAll(() => rm(packed.folder, { recursive: true, force: true }));

const sluice = (...args: string[]) =>
  run(packed.project, join(packed.project, "node_modules/.bin/sluice"), ...args);
const program = (file: string) => `
  const trace = recordTrace("${file}.jsonl");
  const first = node({ name: "First" });
  first.next(node({ name: "Last" }));
  new Flow(first, { name: "Main" }).run({}, { events: trace.events }).then(() => trace.close());`;

test.each([
  ["import.mjs", 'import { Flow, node } from "sluice"; import { recordTrace } from "sluice/trace";'],
  [
    "require.cjs",
    'const { Flow, node } = require("sluice"); const { recordTrace } = require("sluice/trace");',
  ],
])("a run recorded through %s can be looked at", async (name, imports) => {
  await writeFile(join(packed.project, `trace-${name}`), imports + program(name));
  expect(await run(packed.project, process.execPath, "--trace-warnings", `trace-${name}`)).toBe("");
  expect(await sluice("trace", `${name}.jsonl`)).toMatch(/^Main · run [-\w]+ · done/);
  expect(await sluice("view", `${name}.jsonl`, "--out", `${name}.html`)).toContain(
    "1 run, 0 items, nothing failed",
  );
  const page = await readFile(join(packed.project, `${name}.html`), "utf8");
  expect(page).toContain("default-src 'none'");
  expect(await sluice("trace", `${name}.jsonl`, "--chrome", "--out", "-")).toContain('"traceEvents"');
});

test("the flow of a module is drawn, of either kind", async () => {
  const flow = 'new Flow(node({ name: "Only" }), { name: "Main" })';
  await writeFile(
    join(packed.project, "flow.mjs"),
    `import { Flow, node } from "sluice"; export const flow = ${flow};`,
  );
  await writeFile(
    join(packed.project, "flow.cjs"),
    `const { Flow, node } = require("sluice"); module.exports = { flow: ${flow} };`,
  );
  for (const file of ["flow.mjs", "flow.cjs"])
    expect(await sluice("graph", file)).toContain('flow_Only["Only"]');
  expect(await sluice("graph", "flow.mjs", "--page")).toContain("flow.html");
  expect(existsSync(join(packed.project, "flow.html"))).toBe(true);
});

test("the command shows its help without loading other packages", async () => {
  expect(await sluice("--help")).toContain("Examples:");
});

test("recipes are in the package, and are copied out of it", async () => {
  expect(await sluice("add", "--list")).toContain("  agentic-rag ");
  expect(await sluice("new", "copied", "--recipe", "invoice")).toContain(
    "cd copied && npm install && npm start",
  );
  const manifest = JSON.parse(await readFile(join(packed.project, "copied/package.json"), "utf8"));
  expect(manifest).toMatchObject({ name: "copied", dependencies: { sluice: `^${packed.manifest.version}` } });
  expect(existsSync(join(packed.project, "copied/invoice.ts"))).toBe(true);
});
