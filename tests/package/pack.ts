// Builds, packs and installs sluice as a stranger would get it, in folders of its own: the tree is not
// touched, so that other tests may run at the same time.
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const execute = promisify(execFile);

export interface Packed {
  /** The folder to remove when all is done. */
  folder: string;
  tarball: string;
  /** Of the tarball, in bytes. */
  size: number;
  /** Paths in the tarball. */
  files: string[];
  /** An empty project with the tarball installed in it, and the programs of consumer/. */
  project: string;
  manifest: {
    exports: Record<string, unknown>;
    version: string;
    bin: Record<string, string>;
    scripts: object;
    dependencies: object;
  };
}

/** Runs a command; a failure carries everything that it printed. */
export async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  // What npm and vitest set for their children would change what a stranger's process does.
  const ours = /^(npm_config_local_prefix|NODE_OPTIONS|NODE_ENV|VITEST.*|TSX_.*)$/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  try {
    return (await execute(command, args, { cwd, env, maxBuffer: 1e7 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(" ")} failed\n${stdout}${stderr}`, { cause: error });
  }
}

/** The binary of a Node of some major version: this one, or one from the npm package `node`. */
export async function nodeBinary(major: string): Promise<string> {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  return (await run(tmpdir(), "npx", "-y", "-p", `node@${major}`, "node", "-p", "process.execPath")).trim();
}

export async function pack(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-package-"));
  const stage = join(folder, "stage");
  const leftOut = new Set([".git", "node_modules", "dist", "tests", "docs", "bench", "site"]);
  for (const entry of await readdir(root)) {
    const filter = (source: string) => basename(source) !== "node_modules";
    if (!leftOut.has(entry)) await cp(join(root, entry), join(stage, entry), { recursive: true, filter });
  }
  await symlink(join(root, "node_modules"), join(stage, "node_modules"));

  await run(stage, "npm", "run", "build");
  const [report] = JSON.parse(await run(stage, "npm", "pack", "--json", "--ignore-scripts"));

  const project = join(folder, "project");
  await cp(join(root, "tests/package/consumer"), project, { recursive: true });
  await writeFile(join(project, "package.json"), '{ "name": "stranger", "private": true }\n');
  const tarball = join(stage, report.filename);
  await run(project, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", tarball);

  return {
    folder,
    tarball,
    size: report.size,
    files: report.files.map((file: { path: string }) => file.path),
    project,
    manifest: JSON.parse(await readFile(join(project, "node_modules/sluice/package.json"), "utf8")),
  };
}
