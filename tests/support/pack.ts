// Builds, packs and installs sluice as a stranger would get it, in folders of its own: the tree is not
// touched, so that other tests may run at the same time.
import { cp, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./run-command.js";
import { tarball } from "./tarball.js";

export { root, run };

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
    dependencies: object;
  };
}

/** The major versions of Node to try. Others than this one are a download each; .ci/run names them all. */
export const majors = (process.env.NODES ?? process.versions.node.split(".")[0] ?? "").split(",");
if (process.env.NODES === undefined) {
  process.stdout.write(`tests/package: on Node ${majors} only; NODES=20,22,24 adds the others\n`);
}

/** The binary of a Node of some major version: this one, or one from the npm package `node`. */
export async function nodeBinary(major: string): Promise<string> {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  return (await run(tmpdir(), "npx", "-y", "-p", `node@${major}`, "node", "-p", "process.execPath")).trim();
}

export async function pack(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-package-"));
  const { tarball: path, installed, size, files } = await tarball();
  const project = join(folder, "project");
  await cp(installed, project, { recursive: true, verbatimSymlinks: true });
  await cp(join(root, "tests/package/consumer"), project, { recursive: true });

  return {
    folder,
    tarball: path,
    size,
    files: files.map((file) => file.path),
    project,
    manifest: JSON.parse(await readFile(join(project, "node_modules/sluice/package.json"), "utf8")),
  };
}
