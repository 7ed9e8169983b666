// package.json: that of a recipe, and what a project must have to run one.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "./io.js";

type Versions = Readonly<Record<string, string>>;

/** As much of a package.json as is read here; the rest is kept. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly type?: string;
  readonly scripts?: Versions;
  readonly recipe?: unknown;
  readonly dependencies?: Versions;
  readonly devDependencies?: Versions;
}

/** @throws Failure for one that cannot be read. */
export async function readManifest(folder: string): Promise<{ manifest: Manifest; text: string }> {
  const path = join(folder, "package.json");
  try {
    const text = await readFile(path, "utf8");
    return { manifest: JSON.parse(text) as Manifest, text };
  } catch (error) {
    throw new Failure(`${path} could not be read (${(error as Error).message})`);
  }
}

/** A recipe's manifest as that of a project of its own. */
export function projectOf(manifest: Manifest, name: string, version: string): string {
  const dependencies = { ...manifest.dependencies, sluice: `^${version}` };
  const { recipe: _, ...rest } = manifest; // what it teaches is the cookbook's
  return `${JSON.stringify({ ...rest, name, dependencies }, null, 2)}\n`;
}

/** A package that a project has in another version than a recipe was tested with. */
export interface Kept {
  readonly name: string;
  readonly kept: string;
  readonly tested: string;
}

/** A project's manifest with what a recipe needs; what the project has stays as it is. */
export function merge(text: string, recipe: Manifest, version: string) {
  const project = JSON.parse(text) as Manifest;
  const has = { ...project.devDependencies, ...project.dependencies };
  const kept: Kept[] = [];
  const added: string[] = [];
  const missing = (wanted: Versions) => {
    const lacking = Object.entries(wanted).filter(([name, tested]) => {
      const own = has[name];
      if (own !== undefined && own !== tested && name !== "sluice") kept.push({ name, kept: own, tested });
      return own === undefined;
    });
    added.push(...lacking.map(([name, wanted]) => `${name}@${wanted}`));
    return Object.fromEntries(lacking);
  };
  const dependencies = missing({ ...recipe.dependencies, sluice: `^${version}` });
  const devDependencies = missing(recipe.devDependencies ?? {});
  const merged = {
    ...project,
    ...withMore("dependencies", project, dependencies),
    ...withMore("devDependencies", project, devDependencies),
  };
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? "  ";
  return { text: `${JSON.stringify(merged, null, indent)}\n`, added, kept };
}

function withMore(key: "dependencies" | "devDependencies", project: Manifest, more: Versions) {
  if (Object.keys(more).length === 0) return {};
  const all = Object.entries({ ...project[key], ...more });
  return { [key]: Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1))) };
}
