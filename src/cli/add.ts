// sluice add: copies a recipe into a folder of an existing project.
import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { isInside, type Planned, writeAll } from "./copy-recipe.js";
import { folderName, type Io, pathFromHere, quoted, shellWord, UsageError } from "./io.js";
import { merge, readManifest } from "./manifest.js";
import { packageRoot } from "./package-root.js";
import { filesOf } from "./recipe-files.js";
import { listOf, type Recipe, readRecipes, recipeNamed } from "./recipes.js";

interface AddOptions {
  readonly to?: string;
  readonly force?: boolean;
  readonly list?: boolean;
}

const HELP = `
The dependencies of the recipe are added to package.json; existing packages keep their
version. Nothing is installed, and no file is overwritten without asking; without a terminal
to ask at, nothing is written. If one file cannot be written, none is. Code that recipes
share is copied once, into lib.

Examples:
  $ sluice add --list                   names the recipes
  $ sluice add rag                      into ./rag
  $ sluice add rag --to src/search`;

export const addCommand = (io: Io): Command =>
  new Command("add")
    .summary("copy a recipe into a project")
    .description("Copies a recipe of the cookbook into the project in this folder.")
    .argument("[recipe]", "the recipe")
    .option("--to <folder>", "the folder for its files (default: one of its name)")
    .option("-f, --force", "overwrite files that are there")
    .option("-l, --list", "name the recipes")
    .addHelpText("after", HELP)
    .action(async (name: string | undefined, options: AddOptions) => {
      const root = packageRoot();
      const recipes = await readRecipes(join(root, "cookbook"));
      if (options.list) io.out(listOf(recipes));
      else if (name === undefined) {
        throw new UsageError("the name of a recipe", "nothing", "sluice add --list names them all.");
      } else await add(recipeNamed(name, recipes), options, root, io);
    });

async function add(recipe: Recipe, options: AddOptions, root: string, io: Io): Promise<void> {
  const { to = recipe.name, force = false } = options;
  if (!existsSync("package.json")) {
    const advice = `Go to one, or make one: sluice new ${recipe.name} --recipe ${recipe.name}`;
    throw new UsageError("a project here, with a package.json", "none", advice);
  }
  const [project, { manifest: needed }, { manifest: own }] = await Promise.all([
    readManifest("."),
    readManifest(recipe.folder),
    readManifest(root),
  ]);
  const { text, added, kept } = merge(project.text, needed, own.version as string);
  const home = resolve("");
  const target = resolve(folderName(to));
  const isModule = project.manifest.type === "module";
  // Beside the recipe, to be shared with the next one; in a CommonJS project inside the recipe's folder, which is the
  // only ES module.
  const isBeside = isModule && target !== home;
  const {
    own: found,
    shared,
    kept: sharedKept,
  } = await filesOf(recipe.folder, target, join(isBeside ? dirname(target) : target, "lib"));
  const files: Planned[] = [...found];
  if (!isModule) {
    // The recipe's files are ES modules in a CommonJS project.
    files.push({ path: join(target, "package.json"), text: '{ "private": true, "type": "module" }\n' });
  }
  const copied = [...files, ...shared];
  const all = added.length > 0 ? [...copied, { path: await manifestPath(), text, replaces: true }] : copied;
  await writeAll(all, isInside(target, home) ? home : target, force, io);

  const at = pathFromHere(target) || ".";
  io.out(`${at}: ${files.length} files, of the recipe ${recipe.name}.\n`);
  for (const { path } of shared) io.out(`${pathFromHere(path)}: what recipes share.\n`);
  for (const path of sharedKept)
    io.out(`${pathFromHere(path)}: kept, and not as in this version of sluice.\n`);
  if (added.length > 0) io.out(`package.json: added ${added.join(", ")}.\n`);
  for (const { name, kept: own, tested } of kept) {
    io.err(`warning: package.json keeps ${name} ${own}; the recipe was tested with ${tested}\n`);
  }
  io.out(`\n  npm install && npx tsx ${shellWord(`${at}/main.ts`)}\n`);
}

/**
 * The real path of the project's package.json, so that a link stays a link.
 * @throws UsageError if it is outside of the project.
 */
async function manifestPath(): Promise<string> {
  const [path, home] = await Promise.all([realpath("package.json"), realpath(".")]);
  if (isInside(path, home)) return path;
  const got = `a link to ${quoted(path)}`;
  throw new UsageError("package.json to be a file of this project", got, "Nothing was written.");
}
