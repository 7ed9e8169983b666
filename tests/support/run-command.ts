// Runs commands as a stranger would.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const execute = promisify(execFile);

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
