// sluice new and sluice add, run as a user runs them.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/cli/program.js";
import { type BuiltCli, build, sluice } from "../support/built-cli.js";
import { isFull } from "../support/size.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cookbook = join(root, "cookbook");
const scratch = mkdtempSync(join(tmpdir(), "sluice-recipes-"));
let cli: BuiltCli;
beforeAll(async () => {
  cli = await build();
});
afterAll(() => {
  cli.remove();
  rmSync(scratch, { recursive: true, force: true });
});

let folders = 0;
/** A new folder, with a project in it if one is given. */
function folderOf(manifest?: object): string {
  const folder = join(scratch, `${++folders}`);
  mkdirSync(folder);
  if (manifest !== undefined)
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, "\t"));
  return folder;
}
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));
const tested = (recipe: string) => json(cookbook, recipe, "package.json").dependencies;

describe("sluice new", () => {
  test("makes a project of a recipe, with its packages named and nothing installed", async () => {
    const folder = folderOf();
    const { code, out, err } = await sluice(cli, ["new", "My Agent!", "--recipe", "agent"], folder);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(
      /^My Agent!: \d+ files, of the recipe agent\.\n\n {2}cd "My Agent!" && npm install && npm start\n$/,
    );
    const made = join(folder, "My Agent!");
    const manifest = json(made, "package.json");
    expect(manifest).toMatchObject({
      name: "my-agent",
      private: true,
      type: "module",
      scripts: { start: "node --import tsx main.ts" },
      dependencies: { ...tested("agent"), sluice: `^${json(root, "package.json").version}` },
    });
    expect(manifest.recipe).toBeUndefined();
    for (const file of readdirSync(join(cookbook, "agent")).filter((file) => /\.(ts|md)$/.test(file))) {
      expect(readFileSync(join(made, file), "utf8"), file).toBe(
        readFileSync(join(cookbook, "agent", file), "utf8"),
      );
    }
    expect(existsSync(join(made, "node_modules"))).toBe(false);
    expect(json(made, "tsconfig.json").compilerOptions.strict).toBe(true);
  });

  test.runIf(isFull)("what it makes runs", async () => {
    const folder = folderOf();
    await sluice(cli, ["new", "first"], folder);
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const { OPENAI_API_KEY, ...env } = process.env;
    const out = execFileSync("npm", ["start", "--silent"], {
      shell: process.platform === "win32", // npm is a script there
      cwd: join(folder, "first"),
      env,
      encoding: "utf8",
    });
    expect(out).toContain("No OPENAI_API_KEY");
  });

  test("overwrites nothing without being told: where nobody can be asked it writes nothing", async () => {
    const folder = folderOf();
    writeFileSync(join(folder, "main.ts"), "mine");
    const refused = await sluice(cli, ["new", "."], folder);
    expect([refused.code, refused.out]).toEqual([2, ""]);
    expect(refused.err).toBe(
      "error: Expected files that are not there yet, got main.ts. Nothing was written. Choose another folder, or overwrite them with --force.\n",
    );
    expect(readdirSync(folder)).toEqual(["main.ts"]);
    expect((await sluice(cli, ["new", ".", "--force"], folder)).code).toBe(0);
    expect(readFileSync(join(folder, "main.ts"), "utf8")).not.toBe("mine");
  });

  test.each([true, false])("asked at a terminal whether to overwrite, and told %s", async (answer) => {
    const folder = folderOf();
    writeFileSync(join(folder, "flow.ts"), "mine");
    const asked: string[] = [];
    const ask = async (question: string) => {
      asked.push(question);
      return answer;
    };
    const code = await runProgram(["new", folder], { out: () => {}, err: () => {}, ask });
    expect(asked).toEqual([expect.stringMatching(/^Overwrite .*flow\.ts\?$/)]);
    expect(code).toBe(answer ? 0 : 2);
    expect(readFileSync(join(folder, "flow.ts"), "utf8") === "mine").toBe(!answer);
    expect(existsSync(join(folder, "package.json"))).toBe(answer);
  });
});

describe("sluice add", () => {
  test("copies a recipe into a folder of its name, and writes what it needs into package.json", async () => {
    const folder = folderOf({
      name: "mine",
      type: "module",
      dependencies: { zod: "^3.0.0", left: "1.0.0" },
      keywords: ["a"],
    });
    const { code, out, err } = await sluice(cli, ["add", "agent"], folder);
    expect(code).toBe(0);
    const manifest = json(folder, "package.json");
    expect(manifest).toMatchObject({ name: "mine", keywords: ["a"] });
    expect(manifest.dependencies).toEqual({
      ...tested("agent"),
      sluice: `^${json(root, "package.json").version}`,
      left: "1.0.0",
      zod: "^3.0.0",
    });
    expect(Object.keys(manifest.dependencies)).toEqual(Object.keys(manifest.dependencies).sort());
    expect(readFileSync(join(folder, "package.json"), "utf8")).toContain('\n\t"name"');
    if ("zod" in tested("agent")) {
      expect(err).toBe(
        `warning: package.json keeps zod ^3.0.0; the recipe was tested with ${tested("agent").zod}\n`,
      );
    }
    expect(out).toMatch(/^agent: \d+ files, of the recipe agent\.\npackage\.json: added .*openai@/);
    expect(out).toMatch(/npm install && npx tsx agent\/main\.ts\n$/);
    expect(existsSync(join(folder, "agent/nodes.ts"))).toBe(true);
    expect(existsSync(join(folder, "agent/package.json"))).toBe(false);
    expect(existsSync(join(folder, "node_modules"))).toBe(false);
  });

  test("a project that is no module gets a folder that is one; a second time it asks for nothing new", async () => {
    const folder = folderOf({ name: "old" });
    await sluice(cli, ["add", "hello-flow", "--to", "src/hello"], folder);
    expect(json(folder, "src/hello/package.json")).toEqual({ private: true, type: "module" });
    const before = readFileSync(join(folder, "package.json"), "utf8");
    const again = await sluice(cli, ["add", "hello-flow", "--to", "src/other"], folder);
    expect(again.out).not.toContain("package.json: added");
    expect(readFileSync(join(folder, "package.json"), "utf8")).toBe(before);
  });

  test("without a project, with a file in the way, or with a package.json that is none, nothing is written", async () => {
    const empty = folderOf();
    const none = await sluice(cli, ["add", "rag"], empty);
    expect([none.code, none.err]).toEqual([
      2,
      "error: Expected a project here, with a package.json, got none. Go to one, or make one: sluice new rag --recipe rag\n",
    ]);
    const taken = folderOf({ name: "x" });
    mkdirSync(join(taken, "rag"));
    writeFileSync(join(taken, "rag/flow.ts"), "mine");
    const before = readFileSync(join(taken, "package.json"), "utf8");
    const refused = await sluice(cli, ["add", "rag"], taken);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("got rag/flow.ts. Nothing was written.");
    expect(readdirSync(join(taken, "rag"))).toEqual(["flow.ts"]);
    expect(readFileSync(join(taken, "package.json"), "utf8")).toBe(before);
    const broken = folderOf();
    writeFileSync(join(broken, "package.json"), "{");
    const failed = await sluice(cli, ["add", "rag"], broken);
    expect([failed.code, failed.err]).toEqual([
      1,
      expect.stringMatching(/^error: package\.json could not be read \(/),
    ]);
    expect(readdirSync(broken)).toEqual(["package.json"]);
  });

  test("names the recipes, and the one that was meant", async () => {
    const list = await sluice(cli, ["add", "--list"], folderOf());
    expect(list.code).toBe(0);
    for (const recipe of ["hello-flow", "parallel-summaries", "mcp"])
      expect(list.out).toMatch(new RegExp(`^ {2}${recipe} `, "m"));
    const wrong = await sluice(cli, ["add", "agnetic-rag"], folderOf({}));
    expect([wrong.code, wrong.err]).toEqual([
      2,
      'error: Expected the name of a recipe, got "agnetic-rag". Did you mean agentic-rag? sluice add --list names them all.\n',
    ]);
    expect((await sluice(cli, ["add"], folderOf({}))).err).toBe(
      "error: Expected the name of a recipe, got nothing. sluice add --list names them all.\n",
    );
  });
});
