// The three lines of TypeScript that a user may have, each by the alias it has in package.json.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const require = createRequire(import.meta.url);

export const compilers = {
  "5.9": "typescript-5.9",
  "6.0": "typescript",
  "7.0": "typescript-7.0",
} as const;
export type Compiler = keyof typeof compilers;

/** The compilers of a test: all of them, or the one that sluice itself is written with. */
export const compilersTried = (all: boolean): readonly Compiler[] =>
  all ? (Object.keys(compilers) as Compiler[]) : ["6.0"];

const tsc = (compiler: Compiler) =>
  join(dirname(require.resolve(`${compilers[compiler]}/package.json`)), "bin/tsc");

/** Runs a compiler in a folder and gives everything that it prints: nothing, where nothing is wrong. */
export function compile(compiler: Compiler, cwd: string, ...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const all = [tsc(compiler), ...args, "--noEmit", "--pretty", "false"];
    execFile(process.execPath, all, { cwd, maxBuffer: 1e7 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

export interface Project {
  readonly files: Readonly<Record<string, string>>;
  /** What its tsconfig.json holds. */
  readonly config: object;
}

export interface Compiled<Name extends string> {
  /** The version of the compiler that did it, as it says itself. */
  readonly version: string;
  /** What the compiler prints about each project: nothing, where nothing is wrong. */
  readonly output: Readonly<Record<Name, string>>;
}

/**
 * Writes projects into folders of their names and compiles all of them with one start of a compiler. What it prints
 * about a file outside of them is in the output of each.
 */
export async function compileAll<Name extends string>(
  compiler: Compiler,
  folder: string,
  projects: Readonly<Record<Name, Project>>,
  ...args: string[]
): Promise<Compiled<Name>> {
  const names = Object.keys(projects) as Name[];
  for (const name of names) {
    const { files, config } = projects[name];
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "tsconfig.json"), JSON.stringify(config));
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, name, file), text);
  }
  const output = Object.fromEntries(names.map((name) => [name, ""])) as Record<Name, string>;
  let about: readonly Name[] = names;
  for (const line of (await compile(compiler, folder, "--build", ...args, ...names)).split(/(?<=\n)/)) {
    if (!line.startsWith(" ")) about = names.filter((name) => line.startsWith(`${name}/`));
    for (const name of about.length > 0 ? about : names) output[name] += line.replace(`${name}/`, "");
  }
  const info = await readFile(join(folder, names[0] as Name, "tsconfig.tsbuildinfo"), "utf8");
  return { version: JSON.parse(info).version, output };
}

/** A new temporary folder for projects. */
export const folderForProjects = (): Promise<string> => mkdtemp(join(tmpdir(), "sluice-types-"));

/** The configuration of a project that sees sluice's source as `sluice`. */
export const configOf = (compilerOptions: object = {}): object => ({
  extends: join(root, "tsconfig.json"),
  compilerOptions: {
    paths: { sluice: [join(root, "src/index.ts")] },
    typeRoots: [join(root, "node_modules/@types")],
    ...compilerOptions,
  },
  include: ["*", join(root, "src/*.d.ts")],
  exclude: [],
});
