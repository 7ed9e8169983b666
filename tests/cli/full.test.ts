// What takes too long for `npm test`: a large trace, and every recipe.
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toMermaid } from "sluice/diagram";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFlows } from "../../src/cli/make-flows.js";
import { runProgram } from "../../src/cli/program.js";
import { readRecipes } from "../../src/cli/recipes.js";
import { type BuiltCli, build, sluice } from "../support/built-cli.js";
import { isFull, sized } from "../support/size.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cookbook = join(root, "cookbook");
const scratch = mkdtempSync(join(tmpdir(), "sluice-full-"));
let cli: BuiltCli;
beforeAll(async () => {
  cli = await build();
});
afterAll(() => {
  cli.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const folderOf = () => mkdtempSync(join(scratch, "f-"));
const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

const MB = sized(150, 60, 600);
test.runIf(isFull)(`a file of ${MB} MB is summarised in bounded memory`, async () => {
  const folder = folderOf();
  const path = join(folder, "large.jsonl");
  const to = openSync(path, "w");
  const start = '{"type":"run","phase":"start","runId":"r","path":["Main"],"id":1,"at":0}\n';
  const step = '{"type":"step","phase":"start","runId":"r","path":["Main","Ask"],"id":2,"parent":1,"at":0}\n';
  writeSync(to, start + step);
  let size = 0;
  let items = 0;
  const text = "x".repeat(400);
  while (size < MB * 1_000_000) {
    let piece = "";
    for (let n = 0; n < 1_000; n++) {
      const about = `"runId":"r","path":["Main","Ask"],"id":${++items + 2},"parent":2,"index":${items}`;
      const outcome = items % 3 === 0 ? `"failed","error":{"name":"Error","message":"${text}"}` : '"done"';
      piece += `{"type":"item","phase":"start",${about},"at":1}\n{"type":"data","runId":"r","path":[],"at":1,"parent":${items + 2},"data":"${text}"}\n{"type":"item","phase":"end",${about},"at":2,"outcome":${outcome}}\n`;
    }
    size += writeSync(to, piece);
  }
  closeSync(to);
  // Of the whole file in memory this would be a tenth.
  const { code, out, err } = await sluice(cli, ["trace", "large.jsonl"], folder, {
    NODE_OPTIONS: `--max-old-space-size=${sized(32, 32, 48)}`,
  });
  rmSync(path);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain(`${items.toLocaleString("en")} items`);
  expect(out).toContain(`and ${Math.floor(items / 3) - 5} more failures`);
});

test.runIf(isFull)(
  "what `sluice new` makes type-checks",
  async () => {
    const folder = folderOf();
    const recipes = readdirSync(cookbook).filter((name) => existsSync(join(cookbook, name, "package.json")));
    for (const recipe of recipes) {
      await runProgram(["new", join(folder, recipe), "--recipe", recipe], {
        out: () => {},
        err: expect.unreachable,
      });
      const own = join(cookbook, recipe, "node_modules"); // versions that only this recipe has
      if (existsSync(own)) symlinkSync(own, join(folder, recipe, "node_modules"));
    }
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const { compilerOptions } = json(folder, recipes[0] as string, "tsconfig.json");
    // The built package may be an old one: its sources stand in for it.
    const paths = {
      sluice: [join(root, "src/index.ts")],
      "sluice/internal": [join(root, "src/internal.ts")],
      "sluice/*": [join(root, "src/wings/*/index.ts")],
    };
    const config = { compilerOptions: { ...compilerOptions, paths }, include: recipes };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    expect(stdout).toBe("");
  },
  300_000,
);

test.runIf(isFull)("what `sluice new` makes runs", async () => {
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
  expect(out).toContain("It is 391.");
});

test.runIf(isFull)("graph --call draws every recipe", async () => {
  const quiet = { err: (text: string) => expect.unreachable(text) };
  const recipes = await readRecipes("cookbook");
  for (const { folder, name } of recipes.filter((_, at) => at % sized(5, 15, 1) === 0)) {
    const files = ["flow.ts", `${name}.ts`].map((file) => join(folder, file));
    const flows = await makeFlows(files.find(existsSync) as string, true, undefined, quiet);
    for (const { flow } of flows) expect(toMermaid(flow), name).toMatch(/^flowchart LR\n/);
  }
  const needs = join(import.meta.dirname, "modules/needs.ts");
  await expect(makeFlows(needs, true, undefined, quiet)).rejects.toThrow(/made no flow .*--deps/);
  const deps = '{ "serviceUrl": "http://127.0.0.1:1/" }';
  expect(await makeFlows(needs, true, deps, quiet)).toHaveLength(2);
});
