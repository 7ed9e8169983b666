// Builds, packs and installs sluice once for all test files of a run: they are processes of their own, with one parent.
import { cp, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root, run } from "./run-command.js";

/** What `npm pack` tells, and a project with the package in it. */
export interface Report {
  readonly tarball: string;
  /** A project in which it is installed, to be copied. */
  readonly installed: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

const PREFIX = "sluice-tarball-";
const LEFT_OUT = new Set([".git", "node_modules", "dist", "tests", "site"]);

/** The one that comes first makes it, and the others wait. */
export async function tarball(): Promise<Report> {
  const folder = join(tmpdir(), `${PREFIX}${process.ppid}-${await newest(root)}`);
  const report = join(folder, "report.json");
  const failed = join(folder, "failed.txt");
  if (await isFirst(folder)) {
    await removeOld(folder);
    try {
      await writeFile(`${report}.part`, JSON.stringify(await make(folder)));
      await rename(`${report}.part`, report);
    } catch (error) {
      await writeFile(failed, String(error));
    }
  }
  for (;;) {
    const [made, error] = await Promise.all(
      [report, failed].map((path) => readFile(path, "utf8").catch(() => "")),
    );
    if (made) return JSON.parse(made) as Report;
    if (error) throw new Error(error);
    await sleep(100);
  }
}

const isFirst = (folder: string) =>
  mkdir(folder).then(
    () => true,
    () => false,
  );

/** When any file or folder in a folder was changed last. */
async function newest(folder: string): Promise<number> {
  let last = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (LEFT_OUT.has(entry.name)) continue;
    const path = join(folder, entry.name);
    last = Math.max(last, (await stat(path)).mtimeMs, entry.isDirectory() ? await newest(path) : 0);
  }
  return Math.round(last);
}

/** Whether dist/ was built after the last change of what it is built of, as it is after `npm ci`. */
async function isBuilt(): Promise<boolean> {
  const made = await readdir(join(root, "dist"), { recursive: true, withFileTypes: true }).catch(() => []);
  const times = made
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).mtimeMs);
  if (times.length === 0) return false;
  const sources = ["package.json", "package-lock.json", "tsconfig.json", "tsup.config.ts", "cli.config.ts"];
  const changes = sources.map(async (file) => (await stat(join(root, file))).mtimeMs);
  const last = Math.max(await newest(join(root, "src")), ...(await Promise.all(changes)));
  return last < Math.min(...(await Promise.all(times)));
}

/** Removes what runs that are over have left. */
async function removeOld(own: string): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const parent = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (parent === undefined || join(tmpdir(), name) === own) continue;
    try {
      if (Number(parent) !== process.ppid) process.kill(Number(parent), 0);
      else await rm(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      await rm(join(tmpdir(), name), { recursive: true, force: true });
    }
  }
}

async function make(folder: string): Promise<Report> {
  const stage = join(folder, "stage");
  const filter = (source: string) => basename(source) !== "node_modules";
  for (const entry of await readdir(root)) {
    if (!LEFT_OUT.has(entry)) await cp(join(root, entry), join(stage, entry), { recursive: true, filter });
  }
  if (await isBuilt()) await cp(join(root, "dist"), join(stage, "dist"), { recursive: true });
  else {
    await symlink(join(root, "node_modules"), join(stage, "node_modules"));
    await run(stage, "npm", "run", "build");
  }
  const [packed] = JSON.parse(await run(stage, process.execPath, ".ci/pack.mjs", folder));
  await rm(stage, { recursive: true });
  const path = join(folder, packed.filename);
  const installed = join(folder, "project");
  await mkdir(installed);
  await writeFile(join(installed, "package.json"), '{ "name": "stranger", "private": true }\n');
  await run(installed, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", path);
  return { tarball: path, installed, size: packed.size, files: packed.files };
}
