// Copies the files of a recipe, and overwrites nothing that is there unless somebody says so.
import { copyFile, lstat, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { Failure, type Io, UsageError } from "./io.js";

/** Something that is to be in a folder: the text itself, or the file that it is copied from. */
export type Planned = { readonly path: string } & ({ readonly text: string } | { readonly from: string });

/** What is in a recipe and not for copying: what its own installation made, and what is written anew. */
const LEFT_OUT = new Set(["node_modules", "package.json"]);

/** The files of a recipe, by where they are to be. */
export async function filesOf(recipe: string, target: string): Promise<Planned[]> {
  const found = await readdir(recipe, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !LEFT_OUT.has(relative(recipe, file).split(sep)[0] as string))
    .sort()
    .map((from) => ({ from, path: join(target, relative(recipe, from)) }));
}

/**
 * Writes all files, or none.
 *
 * @throws UsageError where some are there already and nobody allowed it; Failure where one cannot be written.
 */
export async function writeAll(files: readonly Planned[], force: boolean, io: Io): Promise<void> {
  const there = [];
  for (const { path } of files) if (await exists(path)) there.push(relative("", path));
  if (there.length > 0 && !force) {
    const some =
      there.length > 5 ? `${there.slice(0, 5).join(", ")} and ${there.length - 5} more` : there.join(", ");
    const allowed = await io.ask?.(`Overwrite ${some}?`);
    if (allowed !== true) {
      const advice = "Nothing was written. Choose another folder, or overwrite them with --force.";
      throw new UsageError("files that are not there yet", some, advice);
    }
  }
  for (const file of files) {
    try {
      await mkdir(dirname(file.path), { recursive: true });
      if ("from" in file) await copyFile(file.from, file.path);
      else await writeFile(file.path, file.text);
    } catch (error) {
      throw new Failure(`${relative("", file.path)} could not be written (${(error as Error).message})`);
    }
  }
}

const exists = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );
