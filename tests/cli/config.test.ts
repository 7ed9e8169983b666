// sluice.config: what can be in it, and each thing that can be wrong with it.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { openJournal } from "sluice/journal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.js";
import { removeFolder } from "../support/remove-folder.js";
import { createFails } from "./modules/journaled.js";

const scratch = mkdtempSync(join(tmpdir(), "sluice-config-"));
beforeAll(async () => {
  const journal = await openJournal(join(scratch, "runs.db"));
  const failing = createFails().run({}, { journal, runId: "r1" });
  await failing.catch(() => {});
  await journal.close();
});
afterAll(() => removeFolder(scratch));

async function sluice(...args: string[]) {
  let [out, err] = ["", ""];
  const code = await runProgram(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return {
    code,
    out,
    err: err.replaceAll(`${scratch}${sep}`, "").replaceAll(`${scratch.replaceAll(sep, "/")}/`, ""),
  };
}

let files = 0;
/** Writes a config, beside the journal, and gives its path. */
function config(text: string, ending = "mjs"): string {
  const path = join(scratch, `${++files}.config.${ending}`);
  writeFileSync(path, text);
  return path;
}
/** The flow in JavaScript, as far as the command looks at it. */
const core = JSON.stringify(pathToFileURL(join(import.meta.dirname, "../../src/index.ts")).href);
const made = `import { Flow, node } from ${core};
  const fails = (name) => new Flow(node({ name: "Parse", exec: () => { throw new Error("still no JSON"); } }), { name });`;

describe("a config that is right", () => {
  const flows = 'flows: { Fails: () => fails("Fails") }';

  test.each([
    ["a path, from the config's folder", 'journal: "runs.db"'],
    ["a function that gives a path", 'journal: async () => "runs.db"'],
  ])("has as its journal %s", async (_what, journal) => {
    const path = config(`${made} export default { ${journal}, ${flows} };`);
    expect((await sluice("runs", "ls", "--config", path)).out).toContain("\nr1  failed  Fails");
    const { code, err } = await sluice("runs", "resume", "r1", "--config", path);
    expect(err).toMatch(/^error: r1 failed at Fails › Parse:\nError: still no JSON\n/);
    expect(code).toBe(1);
  });

  test("may have an open journal, or a function that gives one", async () => {
    const wing = pathToFileURL(join(import.meta.dirname, "../../src/wings/journal/index.ts")).href;
    const open = `import { openJournal } from ${JSON.stringify(wing)};
      const open = () => openJournal(${JSON.stringify(join(scratch, "runs.db"))});`;
    for (const journal of ["open", "await open()"]) {
      const path = config(`${open} export default { journal: ${journal} };`);
      expect((await sluice("runs", "ls", "--config", path)).out, journal).toContain("\nr1  failed  Fails");
    }
  });

  test("may be CommonJS", async () => {
    const path = config('module.exports = { journal: "runs.db" };', "cjs");
    expect((await sluice("runs", "ls", "--config", path)).out).toContain("\nr1 ");
    const compiled = 'exports.__esModule = true; exports.default = { journal: "runs.db" };';
    expect((await sluice("runs", "ls", "--config", config(compiled, "cjs"))).out).toContain("\nr1 ");
  });

  test("has flows that sluice graph draws", async () => {
    const path = config(
      `${made} export default { flows: { a: () => fails("One"), b: { flow: () => fails("Two") } } };`,
    );
    const { code, out } = await sluice("graph", "--config", path);
    expect(code).toBe(0);
    expect(out).toMatch(/^%% a\nflowchart LR\n.*\n%% b\nflowchart LR\n/s);
    expect((await sluice("graph", "b", "--config", path)).out).toContain("Two · flow");
    const wrong = await sluice("graph", "c", "--config", path);
    expect(wrong.err).toMatch(/^error: Expected a flow of \d+\.config\.mjs, got "c"\. .*It has: a, b\.\n$/);
  });
});

describe("an invalid config is reported", () => {
  const cases: [what: string, text: string, message: string | RegExp][] = [
    [
      "without a default export",
      "export const flows = {};",
      "to have an object as its default export, got the exports flows. Write export default { journal, flows }.",
    ],
    [
      "with a default that is no object",
      "export default () => {};",
      "to have an object as its default export, got a function",
    ],
    [
      "with an unknown key",
      "export default { jurnal: 1 };",
      /Expected a key of \d+\.config\.mjs \(journal, flows\), got "jurnal"\. Did you mean journal\?/,
    ],
    [
      "with flows that are no object",
      "export default { flows: [] };",
      "to be an object of functions, got an array of 0. Write flows: { name: () => createFlow() }.",
    ],
    [
      "with a flow in place of a function",
      `${made} export default { flows: { Fails: fails("Fails") } };`,
      "to be a function, got an object (Flow). Write Fails: () => createFlow(), or",
    ],
    [
      "with an unknown key of a flow",
      "export default { flows: { Fails: { flow() {}, share() {} } } };",
      "Expected a key of flows.Fails of",
    ],
    [
      "with a flow of an entry that is no function",
      "export default { flows: { Fails: { flow: 1 } } };",
      "to be a function, got 1 (number). Write flow: () => createFlow().",
    ],
    [
      "with a shared that is no function",
      "export default { flows: { Fails: { flow() {}, shared: {} } } };",
      "to be a function, got an object (Object). Write shared: () => ({ client }).",
    ],
    [
      "with a function that gives no flow",
      "export default { flows: { Fails: () => [] } };",
      "to give a flow, got an array of 0. Return one: () => new Flow(firstNode)",
    ],
    [
      "with a flow of another name",
      `${made} export default { flows: { Fails: () => fails("Falls") } };`,
      'to give a flow of that name, got one named "Falls". Runs know a flow by its own name: write flows: { "Falls": … }, or name the flow "Fails".',
    ],
    [
      "with a shared that gives no object",
      `${made} export default { flows: { Fails: { flow: () => fails("Fails"), shared: () => 1 } } };`,
      "to give an object, got 1 (number). Return the transient keys.",
    ],
    [
      "without the flow of the run",
      "export default { flows: { Falls: () => 1 } };",
      /Expected a flow of \d+\.config\.mjs, got "Fails"\. Did you mean Falls\? It has: Falls\./,
    ],
    ["without flows", "export default {};", 'got "Fails". It has none.'],
  ];
  test.each(cases)("%s", async (_what, text, message) => {
    const path = config(text);
    const { code, out, err } = await sluice(
      "runs",
      "resume",
      "r1",
      "--config",
      path,
      "--journal",
      join(scratch, "runs.db"),
    );
    expect(err).toMatch(message);
    expect(err.trimEnd().split("\n").length).toBe(1);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });

  test("with a function that throws, which shows why", async () => {
    const path = config(
      'export default { journal: "runs.db", flows: { Fails: async () => { throw new Error("no key"); } } };',
    );
    const { code, err } = await sluice("runs", "resume", "r1", "--config", path);
    expect(err).toMatch(/^error: flows\.Fails of \d+\.config\.mjs failed:\nError: no key\n {4}at /);
    expect(code).toBe(1);
  });

  test("with a journal that cannot be opened, without its password", async () => {
    const error = `Object.assign(new Error("no way to postgres://me:hid/d@en@host/db"), { code: "AWAY" })`;
    const path = config(`export default { journal: async () => { throw ${error}; } };`);
    const { code, err } = await sluice("runs", "ls", "--config", path);
    expect(err).toMatch(/^error: journal of .* failed:\nError: no way to postgres:\/\/me:\*\*\*@host\/db\n/);
    expect(code).toBe(1);
  });

  test("that cannot be loaded, which shows why", async () => {
    const { code, err } = await sluice("runs", "ls", "--config", config('throw new Error("at import");'));
    expect(err).toMatch(/^error: \d+\.config\.mjs could not be loaded:\nError: at import\n/);
    expect(code).toBe(1);
  });

  test("that is not there, or has no journal", async () => {
    const away = await sluice("runs", "ls", "--config", "none.ts");
    expect(away).toMatchObject({
      code: 2,
      err: 'error: Expected a config, got "none.ts". There is no such file; check its path.\n',
    });
    const path = config("export default {};");
    const none = await sluice("runs", "ls", "--config", path);
    expect(none.err).toMatch(
      /^error: Expected a journal, got none in \d+\.config\.mjs\. Give --journal <path or url>, set/,
    );
    const other = await sluice("runs", "ls", "--config", config("export default { journal: 1 };"));
    expect(other.err).toMatch(
      /^error: Expected journal of .* gives one of these, got 1 \(number\)\. Write journal: "runs\.db"\./,
    );
    const unfound = await sluice("runs", "ls", "--config", config('export default { journal: "other.db" };'));
    expect(unfound.err).toContain(
      'Expected a journal, got "other.db". There is no such file; the first run makes it.',
    );
  });

  test("in TypeScript, without tsx on a Node that reads no types", async () => {
    mkdirSync(join(scratch, "alone"), { recursive: true });
    const path = join(scratch, "alone/sluice.config.ts");
    writeFileSync(path, "const limit: number = 1; export default { limit };");
    const { err } = await sluice("runs", "ls", "--config", path);
    const strips = "typescript" in process.features && process.features.typescript;
    expect(err).toContain(strips ? 'got "limit"' : "Install it: npm install --save-dev tsx");
  });
});

test("without a config and a journal, the message says what to do", async () => {
  expect(await sluice("runs", "ls")).toMatchObject({
    code: 2,
    err: "error: Expected a journal, got none. Give --journal <path or url>, set SLUICE_JOURNAL, or name it in sluice.config.ts.\n",
  });
  expect((await sluice("runs", "resume", "r1")).err).toMatch(
    /^error: Expected sluice\.config\.ts in this folder, or --config, got neither\. Write it: export default \{/,
  );
  expect((await sluice("graph")).err).toBe(
    "error: Expected a module, or sluice.config.ts in this folder, got neither. Name a module.\n",
  );
});
