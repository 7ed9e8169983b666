// Builds the command and its page from the sources, as the build of the package does, so that nothing has to be
// built before the tests.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildCli } from "../../cli.config.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface BuiltCli {
  readonly folder: string;
  /** The program. */
  readonly main: string;
  remove(): void;
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** In `node_modules`, so that git and watchers pass it by. */
export async function build(): Promise<BuiltCli> {
  const parent = join(root, "node_modules/.cache/sluice-cli");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "run-"));
  await buildCli(folder, {
    "sluice/internal": join(root, "src/internal.ts"),
    sluice: join(root, "src/index.ts"),
    "sluice/bullmq": join(root, "src/wings/bullmq/index.ts"),
    "sluice/diagram": join(root, "src/wings/diagram/index.ts"),
    "sluice/journal": join(root, "src/wings/journal/index.ts"),
    "sluice/serve": join(root, "src/wings/serve/index.ts"),
    "sluice/trace": join(root, "src/wings/trace/index.ts"),
  });
  return {
    folder,
    main: join(folder, "cli/main.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Runs the program as a user does. */
export function sluice(cli: BuiltCli, args: readonly string[], cwd: string, env = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 1e8 };
    execFile(process.execPath, [cli.main, ...args], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}
