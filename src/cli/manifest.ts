// package.json: manifests of recipes, and merging them into a project.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "./io.js";

type Versions = Readonly<Record<string, string>>;

/** The used part of a package.json; the rest is kept. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly type?: string;
  readonly scripts?: Versions;
  readonly recipe?: unknown;
  readonly dependencies?: Versions;
  readonly devDependencies?: Versions;
}

/** Reads a manifest. @throws Failure if it cannot be read, or is invalid. */
export async function readManifest(folder: string): Promise<{ manifest: Manifest; text: string }> {
  const path = join(folder, "package.json");
  let text: string;
  let manifest: unknown;
  try {
    text = await readFile(path, "utf8");
    manifest = JSON.parse(withoutMark(text));
  } catch (error) {
    throw new Failure(`${path} could not be read (${(error as Error).message})`);
  }
  if (!isRecord(manifest)) throw new Failure(`Expected ${path} to hold an object, got ${shown(manifest)}`);
  for (const key of ["dependencies", "devDependencies"]) {
    const versions = manifest[key];
    const isGood = isRecord(versions) && Object.values(versions).every((each) => typeof each === "string");
    if (versions !== undefined && !isGood) {
      throw new Failure(`Expected \`${key}\` of ${path} to be names with versions, got ${shown(versions)}`);
    }
  }
  return { manifest: manifest as Manifest, text };
}

/** Removes a byte order mark, which is not valid JSON. */
const withoutMark = (text: string): string => text.replace(/^\ufeff/, "");

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const shown = (value: unknown): string => {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

/** The packages that a project needs for type checks. */
const COMPILER = ["typescript", "@types/node"];

/** The manifest of a new project from a recipe. @param own - The manifest of sluice. */
export function projectOf(manifest: Manifest, name: string, own: Manifest): string {
  const dependencies = { ...manifest.dependencies, sluice: `^${own.version}` };
  const compiler = COMPILER.map((each) => [each, own.devDependencies?.[each] ?? "latest"]);
  const devDependencies = sorted({ ...Object.fromEntries(compiler), ...manifest.devDependencies });
  const scripts = { ...manifest.scripts, types: "tsc" };
  const { recipe: _, ...rest } = manifest; // only for the cookbook
  return `${JSON.stringify({ ...rest, name, scripts, dependencies, devDependencies }, null, 2)}\n`;
}

/** A package that a project has in another version than the recipe. */
export interface Kept {
  readonly name: string;
  readonly kept: string;
  readonly tested: string;
}

/** Adds the dependencies of a recipe to a project's manifest, without changing existing ones. */
export function merge(text: string, recipe: Manifest, version: string) {
  const mark = text.startsWith("\ufeff") ? "\ufeff" : "";
  const project = JSON.parse(withoutMark(text)) as Manifest;
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
  const lines = `${JSON.stringify(merged, null, indent)}\n`;
  return { text: mark + (text.includes("\r\n") ? lines.replaceAll("\n", "\r\n") : lines), added, kept };
}

function withMore(key: "dependencies" | "devDependencies", project: Manifest, more: Versions) {
  if (Object.keys(more).length === 0) return {};
  return { [key]: sorted({ ...project[key], ...more }) };
}

const sorted = (versions: Versions): Versions =>
  Object.fromEntries(Object.entries(versions).sort(([a], [b]) => (a < b ? -1 : 1)));
