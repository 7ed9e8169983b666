// The files of a recipe and their targets: its own, and the imported ones of cookbook/lib, which all recipes of a
// project share.
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { Planned } from "./copy-recipe.js";

/** Entries of a recipe that are not copied: installed packages, and the manifest, which is rewritten. */
const LEFT_OUT = new Set(["node_modules", "package.json"]);

/** A specifier such as "../lib/model.js". */
const SHARED = /"\.\.\/lib\/([\w-]+)\.js"/g;
const SIBLING = /"\.\/([\w-]+)\.js"/g;

export interface RecipeFiles {
  readonly own: readonly Planned[];
  /** Missing files of cookbook/lib. */
  readonly shared: readonly Planned[];
  /** The paths of existing ones, of another version or changed by the user. */
  readonly kept: readonly string[];
}

/**
 * Plans the files of a recipe.
 *
 * @param recipe - Its folder in the cookbook.
 * @param lib - The folder for shared files: beside the target, or in it.
 */
export async function filesOf(recipe: string, target: string, lib: string): Promise<RecipeFiles> {
  const found = await readdir(recipe, { recursive: true, withFileTypes: true });
  const sources = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !LEFT_OUT.has(relative(recipe, file).split(sep)[0] as string))
    .sort();
  const isInTarget = dirname(lib) === target;
  const names = new Set<string>();
  const own = await Promise.all(
    sources.map(async (from): Promise<Planned> => {
      const path = join(target, relative(recipe, from));
      if (dirname(from) !== recipe || !from.endsWith(".ts")) return { from, path };
      const text = await readFile(from, "utf8");
      const imported = Array.from(text.matchAll(SHARED), ([, name = ""]) => name);
      for (const name of imported) names.add(name);
      if (imported.length === 0 || !isInTarget) return { from, path };
      return { path, text: text.replace(SHARED, '"./lib/$1.js"') };
    }),
  );
  return { own, ...(await sharedFiles(join(dirname(recipe), "lib"), names, lib)) };
}

async function sharedFiles(from: string, names: Set<string>, lib: string) {
  const shared: Planned[] = [];
  const kept: string[] = [];
  for (const name of names) {
    const [path, text] = [join(lib, `${name}.ts`), await readFile(join(from, `${name}.ts`), "utf8")];
    for (const [, sibling = ""] of text.matchAll(SIBLING)) names.add(sibling); // the loop sees names added meanwhile
    const there = await readFile(path, "utf8").catch(() => undefined);
    if (there === text) continue;
    // The first line identifies the file. A file with another first line belongs to the user, and conflicts.
    if (there !== undefined && firstLine(there) === firstLine(text)) kept.push(path);
    else shared.push({ from: join(from, `${name}.ts`), path });
  }
  return { shared, kept };
}

const firstLine = (text: string): string => text.split(/\r?\n/, 1)[0] as string;
