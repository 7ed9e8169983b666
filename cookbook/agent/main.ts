// The command line: the only file that reads the environment or prints.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import { type RunEvents, SluiceError } from "sluice";
import { createAgentFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { Library } from "./library.js";
import { connect } from "./llm.js";
import { createShared, type Progress } from "./nodes.js";

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
  const { question, docs, steps } = options(process.argv.slice(2));
  const service = await connect(process.env);
  close = service.close;
  console.log(service.about);

  const { signal } = stop;
  const patterns = docs === undefined ? ["*/README.md", "@*/*/README.md"] : ["**/*.md", "!**/node_modules"];
  const folder = docs ?? installed();
  const library = await Library.read(folder, patterns, signal);
  if (library.size === 0) {
    throw new InputError(
      `Expected Markdown files under "${folder}", got none. Name another folder with --docs.`,
    );
  }
  console.log(`The library has ${library.size} sections.\n\nQuestion: ${question}`);

  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => tell(data as Progress));
  const shared = createShared(question);
  try {
    await createAgentFlow({ llm: service.llm, library }).run(shared, { signal, events, maxSteps: steps });
  } catch (error) {
    if (!(error instanceof SluiceError && error.code === "MAX_STEPS")) throw error;
    process.exitCode = 1;
    console.log(`\nNo answer within ${steps} steps. Give it more with --steps, or ask for less at once.`);
    return;
  }
  console.log(`\n${shared.answer}`);
}

function tell(progress: Progress): void {
  if ("thought" in progress) {
    console.log(`\n  ${progress.thought}`);
    return;
  }
  const { query, passages } = progress.searched;
  console.log(`  Search: ${query}`);
  for (const { source } of passages) console.log(`    ${source}`);
  if (passages.length === 0) console.log("    nothing");
}

function options(args: string[]): { question: string; docs: string | undefined; steps: number } {
  const { values, positionals } = parse(args);
  const question =
    positionals.join(" ").trim() ||
    "How does p-limit run async functions with limited concurrency, and can MiniSearch find misspelled words offline?";
  const steps = Number(values.steps ?? 12);
  if (!Number.isInteger(steps) || steps < 1) {
    throw new InputError(`Expected --steps to be an integer from 1 up, got "${values.steps}". Try 12.`);
  }
  const docs = values.docs === undefined ? undefined : resolve(values.docs);
  if (docs !== undefined && !existsSync(docs)) {
    throw new InputError(`Expected --docs to be a folder, got "${values.docs}". Name one that exists.`);
  }
  return { question, docs, steps };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { docs: { type: "string" }, steps: { type: "string" } },
    });
  } catch (error) {
    throw new InputError(
      `Expected a question, --docs <folder> and --steps <n>, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}

/** The packages that this recipe was installed with. */
function installed(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "node_modules/openai")) && dirname(folder) !== folder)
    folder = dirname(folder);
  return join(folder, "node_modules");
}
