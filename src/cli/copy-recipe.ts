// Copies the files of a recipe: all or none, and without overwriting unless the user consents.
import { randomUUID } from "node:crypto";
import { lstat, mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { Failure, type Io, pathFromHere, quoted, UsageError } from "./io.js";

/** A planned file: its text, or the file to copy. */
export type Planned = {
  readonly path: string;
  /** Whether it may replace a file without a question. @default false */
  readonly replaces?: boolean;
} & ({ readonly text: string } | { readonly from: string });

/**
 * Writes all files, or none: writes temporary files first, and renames them when all are on the disk.
 *
 * @param home - The folder that no link may lead out of.
 * @throws UsageError if a link does, or if files exist and the user has not consented; Failure if a file cannot be
 * written.
 */
export async function writeAll(
  files: readonly Planned[],
  home: string,
  force: boolean,
  io: Io,
): Promise<void> {
  await checkLinks(files, home);
  const taken = new Set<string>();
  for (const { path } of files) if (await exists(path)) taken.add(path);
  const asked = files.filter(({ path, replaces }) => taken.has(path) && replaces !== true);
  if (asked.length > 0 && !force) await askFor(asked, io);
  const folders: string[] = [];
  const moved: string[] = [];
  const waiting = new Map<string, string>();
  let at = "";
  try {
    for (const file of files) {
      at = file.path;
      const made = await mkdir(dirname(file.path), { recursive: true });
      if (made !== undefined) folders.push(made);
      const temporary = join(dirname(file.path), `.${basename(file.path)}.${randomUUID()}.tmp`);
      waiting.set(file.path, temporary);
      const mode = taken.has(file.path) ? (await lstat(file.path)).mode : 0o666;
      const content = "from" in file ? await readFile(file.from) : file.text;
      await writeFile(temporary, content, { mode, flush: true });
    }
    for (const [path, temporary] of waiting) {
      at = path;
      await rename(temporary, path);
      if (!taken.has(path)) moved.push(path);
    }
  } catch (error) {
    for (const path of [...waiting.values(), ...moved, ...folders]) {
      await rm(path, { recursive: true, force: true }).catch(() => {});
    }
    const reason = (error as Error).message;
    throw new Failure(`${pathFromHere(at)} could not be written (${reason}); nothing was added`);
  }
}

async function askFor(files: readonly Planned[], io: Io): Promise<void> {
  const names = files.map(({ path }) => pathFromHere(path));
  const some =
    names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
  const allowed = await io.ask?.(`Overwrite ${some}?`);
  if (allowed === true) return;
  const advice = "Nothing was written. Choose another folder, or overwrite them with --force.";
  throw new UsageError("files that are not there yet", some, advice);
}

async function checkLinks(files: readonly Planned[], home: string): Promise<void> {
  const root = await realFolder(home);
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) {
    const real = await realFolder(folder);
    if (isInside(real, root)) continue;
    const got = `${quoted(pathFromHere(folder))}, a link to ${quoted(real)}`;
    throw new UsageError(
      `a folder inside ${quoted(root)}`,
      got,
      "Nothing was written. Choose another folder.",
    );
  }
}

/** The real path of a folder, or of its nearest existing parent. */
async function realFolder(folder: string): Promise<string> {
  for (let each = folder; ; each = dirname(each)) {
    const real = await realpath(each).catch(() => undefined);
    if (real !== undefined || each === dirname(each)) return real ?? each;
  }
}

/** Whether a path is a folder or in it. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

const exists = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );
