// sluice new and sluice add, run as a user runs them.
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
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
import { mountDisk, noDisk } from "../support/small-disk.js";
import { hasShell, isPrivate } from "../support/system.js";

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
      /^My Agent!: \d+ files, of the recipe agent\.\n\n {2}cd (['"])My Agent!\1 && npm install && npm start\n$/,
    );
    const made = join(folder, "My Agent!");
    const manifest = json(made, "package.json");
    expect(manifest).toMatchObject({
      name: "my-agent",
      private: true,
      type: "module",
      scripts: { start: "node --import tsx main.ts" },
      dependencies: { ...tested("agent"), sluice: `^${json(root, "package.json").version}` },
      devDependencies: {
        typescript: expect.stringMatching(/^\d/),
        "@types/node": expect.stringMatching(/^\^\d/),
      },
    });
    expect(readFileSync(join(made, "vitest.config.ts"), "utf8")).toContain("testTimeout: 60_000");
    expect(manifest.recipe).toBeUndefined();
    for (const file of readdirSync(join(cookbook, "agent")).filter((file) => /\.(ts|md)$/.test(file))) {
      expect(readFileSync(join(made, file), "utf8"), file).toBe(
        readFileSync(join(cookbook, "agent", file), "utf8").replaceAll('"../lib/', '"./lib/'),
      );
    }
    expect(existsSync(join(made, "node_modules"))).toBe(false);
    expect(json(made, "tsconfig.json").compilerOptions.strict).toBe(true);
  });

  test("a folder with control characters is refused", async () => {
    expect(await sluice(cli, ["new", "a\u001b[31m"], folderOf())).toMatchObject({
      code: 2,
      err: 'error: Expected the name of a folder, got "a\\u001b[31m". Choose one without control characters.\n',
    });
  });

  test.runIf(hasShell)("a folder with quotes is quoted for the shell", async () => {
    const folder = folderOf();
    const name = `it's "mine"`;
    const { out } = await sluice(cli, ["new", name], folder);
    const line = out
      .split("\n")
      .find((each) => each.includes("cd "))
      ?.replace("npm install && npm start", "pwd");
    const place = execFileSync("sh", ["-c", line as string], { cwd: folder, encoding: "utf8" });
    expect(place).toBe(`${join(realpathSync(folder), name)}\n`);
    expect(json(folder, name, "package.json").name).toBe("it-s-mine");
  });

  test("overwrites nothing without consent: without a terminal it writes nothing", async () => {
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

  test.each([true, false])("asks at a terminal whether to overwrite, and gets %s", async (answer) => {
    const folder = folderOf();
    writeFileSync(join(folder, "hello-flow.ts"), "mine");
    const asked: string[] = [];
    const ask = async (question: string) => {
      asked.push(question);
      return answer;
    };
    const code = await runProgram(["new", folder], { out: () => {}, err: () => {}, ask });
    expect(asked).toEqual([expect.stringMatching(/^Overwrite .*hello-flow\.ts\?$/)]);
    expect(code).toBe(answer ? 0 : 2);
    expect(readFileSync(join(folder, "hello-flow.ts"), "utf8") === "mine").toBe(!answer);
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
    expect(out).toMatch(
      /^agent: \d+ files, of the recipe agent\.\nlib\/[\s\S]*\npackage\.json: added .*openai@/,
    );
    expect(out).toMatch(/npm install && npx tsx agent\/main\.ts\n$/);
    expect(existsSync(join(folder, "agent/agent.ts"))).toBe(true);
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
    writeFileSync(join(taken, "rag/rag.ts"), "mine");
    const before = readFileSync(join(taken, "package.json"), "utf8");
    const refused = await sluice(cli, ["add", "rag"], taken);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("got rag/rag.ts. Nothing was written.");
    expect(readdirSync(join(taken, "rag"))).toEqual(["rag.ts"]);
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

  test.each([
    ["null", "null", "Expected package.json to hold an object, got null"],
    ["a list", "[]", "Expected package.json to hold an object, got []"],
    [
      "dependencies that are none",
      '{"dependencies":["a"]}',
      'Expected `dependencies` of package.json to be names with versions, got ["a"]',
    ],
  ])("with %s for a package.json nothing is written", async (_what, text, message) => {
    const folder = folderOf();
    writeFileSync(join(folder, "package.json"), text);
    expect(await sluice(cli, ["add", "rag"], folder)).toEqual({
      code: 1,
      out: "",
      err: `error: ${message}\n`,
    });
    expect(readdirSync(folder)).toEqual(["package.json"]);
  });

  test("a byte order mark, line ends and the mode of package.json are kept", async () => {
    const folder = folderOf();
    const path = join(folder, "package.json");
    writeFileSync(path, '\ufeff{\r\n  "name": "mine"\r\n}\r\n', { mode: 0o600 });
    expect((await sluice(cli, ["add", "hello-flow"], folder)).code).toBe(0);
    const text = readFileSync(path, "utf8");
    expect(text).toMatch(/^\ufeff\{\r\n {2}"name": "mine",\r\n/);
    expect(JSON.parse(text.slice(1)).dependencies.sluice).toBeDefined();
    expect(isPrivate(path)).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(["hello-flow", "package.json"]);
  });

  test("a link that leads out of the project is refused, and one inside is followed", async () => {
    const outside = folderOf();
    const folder = folderOf({ name: "mine" });
    symlinkSync(outside, join(folder, "rag"));
    const refused = await sluice(cli, ["add", "rag"], folder);
    expect(refused).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^error: Expected a folder inside ".*", got "rag", a link to ".*"\. Nothing was written\./,
      ),
    });
    expect(readdirSync(outside)).toEqual([]);
    expect(json(folder, "package.json")).toEqual({ name: "mine" });
    const linked = folderOf();
    writeFileSync(join(outside, "package.json"), "{}");
    symlinkSync(join(outside, "package.json"), join(linked, "package.json"));
    expect((await sluice(cli, ["add", "rag"], linked)).err).toMatch(
      /^error: Expected package\.json to be a file of this project, got a link to /,
    );
    expect(readdirSync(linked)).toEqual(["package.json"]);
    mkdirSync(join(folder, "real"));
    symlinkSync(join(folder, "real"), join(folder, "hello"));
    expect((await sluice(cli, ["add", "hello-flow", "--to", "hello"], folder)).code).toBe(0);
    expect(existsSync(join(folder, "real/hello-flow.ts"))).toBe(true);
  });

  test.skipIf(noDisk !== undefined)(
    "on a full disk the project is as it was, wherever the room ends",
    async () => {
      const disk = mountDisk(64);
      const manifest = JSON.stringify({ name: "mine", type: "module", pad: "x".repeat(3_950) }, null, 2);
      try {
        // From where nothing fits to where only the end of package.json does not.
        for (let filled = 0; filled <= 56; filled += 4) {
          writeFileSync(join(disk.folder, "package.json"), manifest);
          writeFileSync(join(disk.folder, "filler"), "x".repeat(filled * 1_024));
          const { code, err } = await sluice(cli, ["add", "hello-flow"], disk.folder);
          const isDone = code === 0;
          if (!isDone) {
            expect(err).toMatch(/^error: .* could not be written \(ENOSPC.*\); nothing was added\n$/);
            expect(readFileSync(join(disk.folder, "package.json"), "utf8")).toBe(manifest);
          } else expect(json(disk.folder, "package.json").dependencies.sluice).toBeDefined();
          const left = isDone ? ["filler", "hello-flow", "lib", "package.json"] : ["filler", "package.json"];
          expect(readdirSync(disk.folder).sort(), `${filled} kB`).toEqual(left);
          for (const name of ["hello-flow", "lib"])
            rmSync(join(disk.folder, name), { recursive: true, force: true });
        }
      } finally {
        disk.unmount();
      }
    },
  );

  test("what recipes share is copied once, beside them, and is the user's from then on", async () => {
    const folder = folderOf({ name: "mine", type: "module" });
    const first = await sluice(cli, ["add", "hello-flow", "--to", "src/hello"], folder);
    expect(first.out).toContain("src/lib/model.ts: what recipes share.\n");
    expect(readdirSync(join(folder, "src/lib")).sort()).toEqual(["main.ts", "model.ts"]);
    expect(readFileSync(join(folder, "src/hello/main.ts"), "utf8")).toContain('from "../lib/main.js"');
    const again = await sluice(cli, ["add", "hello-flow", "--to", "src/again"], folder);
    expect([again.code, again.err]).toEqual([0, ""]);
    expect(again.out).not.toContain("lib/");
    const path = join(folder, "src/lib/model.ts");
    writeFileSync(path, `${readFileSync(path, "utf8")}// mine\n`);
    const third = await sluice(cli, ["add", "hello-flow", "--to", "src/third"], folder);
    expect(third.out).toContain("src/lib/model.ts: kept, and not as in this version of sluice.\n");
    expect(readFileSync(path, "utf8")).toMatch(/\/\/ mine\n$/);
  });

  test("a file of the project that has the name of one that recipes share is not overwritten", async () => {
    const folder = folderOf({ name: "mine", type: "module" });
    mkdirSync(join(folder, "lib"));
    writeFileSync(join(folder, "lib/main.ts"), "export {};");
    const { code, err } = await sluice(cli, ["add", "hello-flow"], folder);
    expect(code).toBe(2);
    expect(err).toContain("got lib/main.ts. Nothing was written.");
    expect(readdirSync(folder).sort()).toEqual(["lib", "package.json"]);
    expect(readdirSync(join(folder, "lib"))).toEqual(["main.ts"]);
  });

  test.each([
    ["in a project that is no module", { name: "old" }, "src/hello"],
    ["at the root of a project", { name: "mine", type: "module" }, "."],
  ])("%s it is in the recipe's own folder", async (_, manifest, to) => {
    const folder = folderOf(manifest);
    expect((await sluice(cli, ["add", "hello-flow", "--to", to], folder)).code).toBe(0);
    expect(readdirSync(join(folder, to, "lib")).sort()).toEqual(["main.ts", "model.ts"]);
    expect(readFileSync(join(folder, to, "hello-flow.ts"), "utf8")).toContain('from "./lib/model.js"');
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

describe("sluice demo", () => {
  test("runs a recipe without a key, with what follows its name, and gives its exit code", async () => {
    const folder = folderOf();
    const cliRun = (...args: string[]) =>
      spawnSync(process.execPath, [cli.main, "demo", ...args], {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, OPENAI_API_KEY: "not used" },
      });
    const { status, stdout, stderr } = cliRun("hello-flow", "What is 12 times 12?");
    expect(stdout).toBe("Question: What is 12 times 12?\nAnswer:   It is 144.\n");
    expect(stderr).toMatch(/^No API key: a stand-in at http:\/\/127\.0\.0\.1:\d+\/v1 answers\.\n$/);
    expect(status).toBe(0);
    const wrong = cliRun("hello-flow", "--loud");
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("Unknown option '--loud'")]);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("an unknown recipe is named", async () => {
    expect(await sluice(cli, ["demo", "agnet"], folderOf())).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean agent?"),
    });
  });
});
