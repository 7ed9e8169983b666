// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { join } from "node:path";
import { createSchoolFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { createShared, type Shared } from "./nodes.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
}

async function main(): Promise<void> {
  const { folder, best } = argumentsOf(process.argv.slice(2));
  const shared = createShared(folder);
  await createSchoolFlow({ best }).run(shared, { signal: stop.signal });
  console.log(report(shared));
  if (shared.leftOut.length > 0) process.exitCode = 1;
}

function report({ results, leftOut, classes, school }: Shared): string {
  const names = [...new Set([...results, ...leftOut].map(({ className }) => className))].sort();
  const lines = names.flatMap((name) => [
    name,
    ...results.filter((each) => each.className === name).map((each) => row(each.student, each.average)),
    ...leftOut.filter((each) => each.className === name).map((each) => `  ${each.student}: ${each.reason}`),
    row("average", classes.get(name)),
  ]);
  return [...lines, `school\n${row("average", school)}`].join("\n");
}

function row(name: string, average: number | undefined): string {
  return `  ${name.padEnd(12)}${(average?.toFixed(2) ?? "none").padStart(6)}`;
}

function argumentsOf(args: readonly string[]): { folder: string; best: number } {
  const [folder = join(import.meta.dirname, "school"), best = "20", ...more] = args;
  if (more.length === 0 && /^\d+(\.\d+)?$/.test(best) && Number(best) > 0)
    return { folder, best: Number(best) };
  throw new InputError(
    `Expected [folder] [best grade], got "${args.join('" "')}". Write, say: npm start -- school 20`,
  );
}
