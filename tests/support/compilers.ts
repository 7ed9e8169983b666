// The three lines of TypeScript that a user may have, each by the alias it has in package.json.
import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
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

const tsc = (compiler: Compiler) =>
  join(dirname(require.resolve(`${compilers[compiler]}/package.json`)), "bin/tsc");

/** Runs a compiler in a folder and gives everything that it prints: nothing, where nothing is wrong. */
export function compile(compiler: Compiler, cwd: string, ...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const all = [tsc(compiler), "--noEmit", "--pretty", "false", ...args];
    execFile(process.execPath, all, { cwd, maxBuffer: 1e7 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

/** Writes a project in a new temporary folder, which sees sluice's source as `sluice`. */
export async function project(files: Record<string, string>, compilerOptions: object = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-types-"));
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      paths: { sluice: [join(root, "src/index.ts")] },
      typeRoots: [join(root, "node_modules/@types")],
      ...compilerOptions,
    },
    include: ["*", join(root, "src/*.d.ts")],
    exclude: [],
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}
