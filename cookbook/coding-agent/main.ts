// The command line: the only file that reads the environment or prints.
import { statSync } from "node:fs";
import { constants } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import { type RunEvents, SluiceError } from "sluice";
import { createCodingFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect } from "./llm.js";
import { createShared, type Progress } from "./nodes.js";
import { createProject } from "./project.js";
import { Workspace } from "./workspace.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let close = async () => {};
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await close();
}

async function main(): Promise<void> {
  const { given, maxSteps } = options(process.argv.slice(2));
  const service = await connect(process.env);
  close = service.close;
  const folder = given ?? (await createProject());
  console.log(`${service.about}\nIt works in ${folder} and nowhere else.\n`);

  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => tell(data as Progress));
  const shared = createShared();
  const workspace = await Workspace.open(folder, { PATH: process.env.PATH ?? "" });
  const flow = createCodingFlow({ llm: service.llm, workspace });
  try {
    await flow.run(shared, { signal: stop.signal, events, maxSteps });
  } catch (error) {
    if (!(error instanceof SluiceError && error.code === "MAX_STEPS")) throw error;
    console.log(`\nStopped after ${maxSteps} steps.`);
  }
  if (shared.decision?.action === "give up") console.log(`  give up ${shared.decision.thought}`);
  const mended = shared.report?.failed === 0;
  console.log(
    mended ? "\nAll tests pass. What was changed:" : "\nTests still fail. What was changed all the same:",
  );
  for (const { path, find, replacement } of shared.patches) {
    console.log(
      `  ${path}\n${find.replaceAll(/^\s*/gm, "  - ")}\n${replacement.replaceAll(/^\s*/gm, "  + ")}`,
    );
  }
  if (!mended) process.exitCode = 1;
}

function tell(progress: Progress): void {
  if ("report" in progress) {
    console.log(`  tests   ${progress.report.passed} pass, ${progress.report.failed} fail`);
    return;
  }
  const { action, path, find, replacement, thought } = progress.decision;
  const what = action === "patch" ? `${path}: ${replacement.trim()}` : path || find;
  console.log(`  ${action.padEnd(7)} ${what || thought}`);
  if (progress.refusal) console.log(`          refused: ${progress.refusal}`);
}

function options(args: string[]): { given: string | undefined; maxSteps: number } {
  const { values, positionals } = parse(args);
  const maxSteps = Number(values.steps ?? 80);
  if (!Number.isInteger(maxSteps) || maxSteps < 1) {
    throw new InputError(`Expected --steps to be an integer from 1 up, got "${values.steps}". Try 80.`);
  }
  const [path, ...more] = positionals;
  if (path === undefined) return { given: undefined, maxSteps };
  if (more.length > 0 || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(
      `Expected one folder to work in, got "${positionals.join(" ")}". Name one that exists.`,
    );
  }
  return { given: resolve(path), maxSteps };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { steps: { type: "string" } } });
  } catch (error) {
    throw new InputError(
      `Expected a folder and --steps <n>, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}
