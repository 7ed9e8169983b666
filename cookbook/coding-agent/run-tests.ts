// Runs the tests of a folder, with the rights of your user but without your secrets.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { sep } from "node:path";
import { text } from "node:stream/consumers";

export interface TestReport {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
}

const MOST_LETTERS = 20_000;

/** Runs `node --test`. @param env - The environment of the tests. */
export async function runTests(
  root: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<TestReport> {
  // In its own process group: a test in a busy loop ignores a signal, and its parent waits for it.
  const options = { cwd: root, env, detached: true };
  const runner = spawn(process.execPath, ["--test", "--test-reporter=tap"], options);
  const kill = () => {
    try {
      process.kill(-(runner.pid ?? Number.NaN), "SIGKILL");
    } catch {
      runner.kill("SIGKILL"); // where there are no groups
    }
  };
  signal.addEventListener("abort", kill, { once: true });
  try {
    const [stdout, stderr, [code]] = await Promise.all([
      text(runner.stdout),
      text(runner.stderr),
      once(runner, "close"),
    ]);
    signal.throwIfAborted();
    const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)`, "m").exec(stdout)?.[1] ?? 0);
    const failed = count("fail") + count("cancelled");
    const output = `${stdout}${stderr}`.replaceAll(root + sep, "").slice(-MOST_LETTERS);
    return { passed: count("pass"), failed: code === 0 ? failed : Math.max(1, failed), output };
  } finally {
    signal.removeEventListener("abort", kill);
  }
}
