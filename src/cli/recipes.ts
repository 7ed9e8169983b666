// The recipes of the package, from their manifests.
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { nearest } from "../base/nearest.js";
import { Failure, quoted, UsageError } from "./io.js";

export interface Recipe {
  readonly name: string;
  readonly folder: string;
  readonly group: string;
  readonly level: number;
  readonly lesson: string;
}

/** The description of a recipe in its package.json. */
interface About {
  readonly recipe: Omit<Recipe, "name" | "folder">;
}

/** Reads all recipes. @param cookbook - The folder of the cookbook. @throws Failure if it is missing. */
export async function readRecipes(cookbook: string): Promise<Recipe[]> {
  try {
    const entries = await readdir(cookbook, { withFileTypes: true });
    const names = entries
      .filter((entry) => existsSync(join(cookbook, entry.name, "package.json"))) // lib/ is not a recipe
      .map(({ name }) => name)
      .sort(); // sorted, because the order of a folder depends on the runtime
    const reading = names.map(async (name): Promise<Recipe> => {
      const folder = join(cookbook, name);
      const { recipe } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as About;
      return { ...recipe, name, folder };
    });
    return await Promise.all(reading);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Failure(`The recipes of this package could not be read (${reason}); reinstall sluice`);
  }
}

/** Finds a recipe. @throws UsageError that suggests the nearest name. */
export function recipeNamed(name: string, recipes: readonly Recipe[]): Recipe {
  const recipe = recipes.find((each) => each.name === name);
  if (recipe !== undefined) return recipe;
  const close = nearest(
    name,
    recipes.map((each) => each.name),
  );
  const advice = `${close === undefined ? "" : `Did you mean ${close}? `}sluice add --list names them all.`;
  throw new UsageError("the name of a recipe", quoted(name), advice);
}

const GROUPS = ["first steps", "batches", "parallel", "agents", "applications"];

/** The list for a terminal, by group, the easy recipes first. */
export function listOf(recipes: readonly Recipe[]): string {
  const width = Math.max(...recipes.map(({ name }) => name.length));
  const parts = GROUPS.map((group) => {
    const own = recipes.filter((recipe) => recipe.group === group).sort((a, b) => a.level - b.level);
    return `${group}\n${own.map(({ name, lesson }) => `  ${name.padEnd(width)}  ${lesson.replaceAll("`", "")}\n`).join("")}`;
  });
  return `${parts.join("\n")}\nAll of them run without a key.\n`;
}
