// sluice demo: runs a recipe without a key and without a project.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { writeAll } from "./copy-recipe.js";
import { Exit, Failure, type Io } from "./io.js";
import { type Manifest, projectOf, readManifest } from "./manifest.js";
import { packageRoot } from "./package-root.js";
import { filesOf } from "./recipe-files.js";
import { type Recipe, readRecipes, recipeNamed } from "./recipes.js";

const HELP = `
A stand-in on this machine replaces the model; API keys in the environment are not
used. Missing packages of the recipe are installed once, by npm, into
a folder of the user's cache. The recipe writes its files into the current folder.

Examples:
  $ sluice demo agent
  $ sluice demo hello-flow "What is 12 times 12?"
  $ sluice add --list                   names the recipes`;

export const demoCommand = (io: Io): Command =>
  new Command("demo")
    .summary("run a recipe without a key")
    .description("Runs a recipe of the cookbook with a stand-in for the model.")
    .argument("<recipe>", "the recipe")
    .argument("[words...]", "what the recipe takes")
    .allowUnknownOption()
    .addHelpText("after", HELP)
    .action(async (name: string, words: string[]) => {
      const root = packageRoot();
      const recipe = recipeNamed(name, await readRecipes(join(root, "cookbook")));
      const { manifest } = await readManifest(recipe.folder);
      const folder = isInstalled(recipe.folder, manifest) ? recipe.folder : await install(recipe, root, io);
      await start(folder, words);
    });

/** Whether the packages of a recipe are found from its folder, as in the source tree of sluice. */
function isInstalled(folder: string, manifest: Manifest): boolean {
  const { paths } = createRequire(join(folder, "main.ts")).resolve;
  return ["tsx", ...Object.keys(manifest.dependencies ?? {})].every((name) =>
    paths(name)?.some((path) => existsSync(join(path, name))),
  );
}

/** Creates a project of a recipe in the user's cache, if there is none yet, and returns its folder. */
async function install(recipe: Recipe, root: string, io: Io): Promise<string> {
  const [{ manifest }, { manifest: own }] = await Promise.all([
    readManifest(recipe.folder),
    readManifest(root),
  ]);
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = join(cache, "sluice", `demo-${own.version}`, recipe.name);
  const done = join(folder, "node_modules", ".sluice-demo");
  if (existsSync(done)) return folder;
  const project = JSON.parse(projectOf(manifest, `demo-${recipe.name}`, own)) as Manifest;
  // Tests of the recipe are not run here, and sluice is the package of this command.
  const { vitest: _, ...devDependencies } = project.devDependencies ?? {};
  const dependencies = { ...project.dependencies, sluice: `file:${root}` };
  const text = JSON.stringify({ ...project, dependencies, devDependencies });
  const { own: files, shared } = await filesOf(recipe.folder, folder, join(folder, "lib"));
  await writeAll([{ path: join(folder, "package.json"), text }, ...files, ...shared], folder, true, io);
  io.err(`Installing what ${recipe.name} needs into ${folder} …\n`);
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  // A link would resolve the optional peers of sluice, such as libsql, beside the linked folder and not here.
  const args = ["install", "--install-links", "--no-audit", "--no-fund", "--loglevel=error"];
  const code = await run(npm, args, folder);
  if (code !== 0) throw new Failure(`npm install in ${folder} failed (exit code ${code})`);
  await mkdir(join(folder, "node_modules"), { recursive: true });
  await writeFile(done, "");
  return folder;
}

async function start(folder: string, words: readonly string[]): Promise<void> {
  const main = join(folder, "main.ts");
  const tsx = pathToFileURL(createRequire(main).resolve("tsx")).href;
  const code = await run(process.execPath, ["--import", tsx, main, ...words]);
  if (code !== 0) throw new Exit(code);
}

/** Runs a program in this terminal, without keys. The terminal sends Ctrl-C to it directly. */
function run(program: string, args: readonly string[], cwd?: string): Promise<number> {
  const { OPENAI_API_KEY: _, OPENAI_BASE_URL: _url, ANTHROPIC_API_KEY: _key, ...env } = process.env;
  const child = spawn(program, args, { stdio: "inherit", env, cwd, shell: program.endsWith(".cmd") });
  const ignore = () => {};
  const end = () => child.kill("SIGTERM");
  process.on("SIGINT", ignore).on("SIGTERM", end);
  return new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  }).finally(() => process.off("SIGINT", ignore).off("SIGTERM", end));
}
