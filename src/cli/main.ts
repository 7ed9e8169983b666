// The command `sluice`: runs the program and exits with its code.
import { createInterface } from "node:readline/promises";
import { runProgram } from "./program.js";

/** Asks a question; any answer but yes is a no, and so is the end of the input. */
async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
    return /^y(es)?$/i.test((await Promise.race([terminal.question(`${question} (y/N) `), closed])).trim());
  } finally {
    terminal.close();
  }
}

const code = await runProgram(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  columns: process.stdout.columns ?? (Number(process.env.COLUMNS) || undefined),
  ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
});
// A loaded module may keep the process alive, so it exits explicitly, after the output is flushed.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
