// The packed package in the test runners that give code a realm of its own: Jest, for CommonJS and for ES modules, and
// the vm pools of Vitest.
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Packed, pack, root, run } from "../support/pack.js";

const require = createRequire(import.meta.url);
const binary = (name: string, path: string) => join(dirname(require.resolve(`${name}/package.json`)), path);

const wings = ["serve", "threads", "batching", "otel", "trace"];
const peers = ["piscina", "dataloader", "@opentelemetry/api"];
const rest = `
const wings = { sluice, ${wings.join(", ")} };
for (const [name, check] of Object.entries(cases(wings, expect))) test(name, check);
`;
const required = ["sluice", ...wings].map(
  (name) => `const ${name} = require("${name === "sluice" ? name : `sluice/${name}`}");`,
);
const imported = ["sluice", ...wings].map(
  (name) => `import * as ${name} from "${name === "sluice" ? name : `sluice/${name}`}";`,
);

const jestTimers = `{
  fake: () => jest.useFakeTimers({ doNotFake: ["setImmediate", "queueMicrotask", "nextTick"] }),
  restore: () => jest.useRealTimers(),
  advance: (ms) => jest.advanceTimersByTimeAsync(ms),
}`;
const vitestTimers = `{
  fake: () => vi.useFakeTimers({ toFake: ["performance", "Date", "setTimeout", "clearTimeout"] }),
  restore: () => vi.useRealTimers(),
  advance: (ms) => vi.advanceTimersByTimeAsync(ms),
}`;
const fakeTime = [
  'const cases = require("./fake-time.cjs")(require("sluice"), timers, expect);',
  "for (const [name, run] of Object.entries(cases)) test(name, run);",
];

let packed: Packed;
let count: number;
beforeAll(async () => {
  packed = await pack();
  const { project } = packed;
  await mkdir(join(project, "node_modules/@opentelemetry"));
  for (const peer of peers) {
    await symlink(join(root, "node_modules", peer), join(project, "node_modules", peer));
  }
  const cases = 'const cases = require("./realms.cjs");';
  await writeFile(join(project, "realms.test.cjs"), [cases, ...required, rest].join("\n"));
  await writeFile(
    join(project, "realms.test.mjs"),
    ['import cases from "./realms.cjs";', ...imported, rest].join("\n"),
  );
  const config = {
    testEnvironment: "node",
    transform: {},
    moduleFileExtensions: ["js", "mjs", "cjs", "json"],
  };
  await writeFile(join(project, "jest.json"), JSON.stringify({ ...config, testMatch: ["**/*.test.*"] }));
  await writeFile(
    join(project, "fake-time.test.cjs"),
    [`const timers = ${jestTimers};`, ...fakeTime].join("\n"),
  );
  const vitestCases = [`const timers = ${vitestTimers};`, ...fakeTime].join("\n");
  await writeFile(join(project, "fake-time.vitest.test.cjs"), vitestCases);
  count = Object.keys(require("./consumer/realms.cjs")({ sluice: {} }, expect)).length;
});
afterAll(() => rm(packed.folder, { recursive: true, force: true }));

test.each(["realms.test.cjs", "realms.test.mjs"])("under Jest: %s", async (file) => {
  const report = join(packed.folder, `${file}.json`);
  const jest = [binary("jest", "bin/jest.js"), "--config", "jest.json", "--runInBand"];
  const options = ["--json", "--outputFile", report, file];
  await run(packed.project, process.execPath, "--experimental-vm-modules", ...jest, ...options);
  expect(require(report)).toMatchObject({ success: true, numPassedTests: count });
});

test("gated code under the fake timers of Jest", async () => {
  const report = join(packed.folder, "fake-time.json");
  const jest = [binary("jest", "bin/jest.js"), "--config", "jest.json", "--runInBand"];
  const options = ["--json", "--outputFile", report, "fake-time.test.cjs"];
  await run(packed.project, process.execPath, ...jest, ...options);
  expect(require(report)).toMatchObject({ success: true, numPassedTests: 2 });
});

test("gated code under the fake timers of Vitest", async () => {
  const report = join(packed.folder, "fake-time.vitest.json");
  const vitest = [binary("vitest", "vitest.mjs"), "run", "--globals"];
  const options = ["--reporter=json", `--outputFile=${report}`, "fake-time.vitest.test.cjs"];
  await run(packed.project, process.execPath, ...vitest, ...options);
  expect(require(report)).toMatchObject({ success: true, numPassedTests: 2 });
});

test("under Vitest in a vm pool", async () => {
  const report = join(packed.folder, "vitest.json");
  const vitest = [binary("vitest", "vitest.mjs"), "run", "--pool=vmThreads", "--globals"];
  const options = ["--reporter=json", `--outputFile=${report}`, "realms.test.mjs"];
  await run(packed.project, process.execPath, ...vitest, ...options);
  expect(require(report)).toMatchObject({ success: true, numPassedTests: count });
});
