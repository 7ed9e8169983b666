// sluice new: makes a project from a recipe.
import { basename, join, resolve } from "node:path";
import { Command } from "commander";
import { writeAll } from "./copy-recipe.js";
import { folderName, type Io, pathFromHere, shellWord } from "./io.js";
import { projectOf, readManifest } from "./manifest.js";
import { packageRoot } from "./package-root.js";
import { filesOf } from "./recipe-files.js";
import { readRecipes, recipeNamed } from "./recipes.js";

interface NewOptions {
  readonly recipe: string;
  readonly force?: boolean;
}

const HELP = `
Nothing is installed, and no file is overwritten without asking; without a terminal to
ask at, nothing is written.

Examples:
  $ sluice new my-agent --recipe agent
  $ sluice new summaries --recipe parallel-summaries
  $ sluice add --list                   names the recipes`;

/** The tsconfig.json of a new project. */
const TSCONFIG = {
  compilerOptions: {
    target: "es2023",
    jsx: "react-jsx",
    module: "nodenext",
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    noEmit: true,
  },
};

const VITEST_CONFIG = `import { defineConfig } from "vitest/config";

// A test starts the program itself, which takes a while on a busy machine.
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });
`;

export const newCommand = (io: Io): Command =>
  new Command("new")
    .summary("make a project of a recipe")
    .description("Makes a folder with a recipe of the cookbook, ready to install and to start.")
    .argument("<folder>", "the folder to make")
    .option("-r, --recipe <name>", "the recipe", "hello-flow")
    .option("-f, --force", "overwrite files that are there")
    .addHelpText("after", HELP)
    .action(async (folder: string, { recipe: name, force = false }: NewOptions) => {
      const root = packageRoot();
      const recipe = recipeNamed(name, await readRecipes(join(root, "cookbook")));
      const [{ manifest }, { manifest: own }] = await Promise.all([
        readManifest(recipe.folder),
        readManifest(root),
      ]);
      const target = resolve(folderName(folder));
      const { own: copied, shared } = await filesOf(recipe.folder, target, join(target, "lib"));
      const text = (file: string, text: string) => ({ path: join(target, file), text });
      const files = [
        text("package.json", projectOf(manifest, packageName(target), own)),
        text("tsconfig.json", `${JSON.stringify(TSCONFIG, null, 2)}\n`),
        text("vitest.config.ts", VITEST_CONFIG),
        text(".gitignore", "node_modules/\n.env\n"),
        ...copied,
        ...shared,
      ];
      await writeAll(files, target, force, io);
      const at = pathFromHere(target) || ".";
      io.out(`${at}: ${files.length} files, of the recipe ${recipe.name}.\n\n`);
      io.out(`  ${at === "." ? "" : `cd ${shellWord(at)} && `}npm install && npm start\n`);
    });

/** A valid npm package name. */
function packageName(target: string): string {
  const name = basename(target)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name === "" ? "my-flow" : name;
}
