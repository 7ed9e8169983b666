// The command line: the only file that reads the environment or prints.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { createAgenticRagFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { readPackages } from "./library.js";
import { connect } from "./llm.js";
import { createShared, type Progress } from "./nodes.js";

const DEFAULTS = ["What can find misspelled words?", "Which package grinds coffee, fast?"];

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
  const { questions, folder, tries } = options(process.argv.slice(2));
  const service = await connect(process.env);
  close = service.close;
  console.log(service.about);

  const { signal } = stop;
  const library = await readPackages(folder, signal);
  if (library.size === 0) {
    throw new InputError(
      `Expected a folder of packages, got none in "${folder}". Name a node_modules with --packages.`,
    );
  }
  console.log(`The library knows ${library.size} packages.`);

  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => tell(data as Progress));
  const flow = createAgenticRagFlow({ llm: service.llm, library, tries });
  for (const question of questions) {
    console.log(`\nQuestion: ${question}`);
    const shared = createShared(question);
    await flow.run(shared, { signal, events });
    console.log(`  ${shared.answer}`);
  }
}

function tell(progress: Progress): void {
  if ("query" in progress) {
    console.log(`  "${progress.query}" finds ${progress.found.join(", ") || "nothing"}`);
  } else if (!progress.verdict.sufficient) {
    console.log(`    not enough: nothing on ${progress.verdict.missing}`);
  }
}

function options(args: string[]): { questions: string[]; folder: string; tries: number } {
  const { values, positionals } = parse(args);
  const tries = Number(values.tries ?? 3);
  if (!Number.isInteger(tries) || tries < 1) {
    throw new InputError(`Expected --tries to be an integer from 1 up, got "${values.tries}". Try 3.`);
  }
  const folder = values.packages === undefined ? installed() : resolve(values.packages);
  if (!existsSync(folder)) {
    throw new InputError(
      `Expected --packages to be a folder, got "${values.packages}". Name one that exists.`,
    );
  }
  const questions = positionals.map((each) => each.trim()).filter(Boolean);
  return { questions: questions.length > 0 ? questions : DEFAULTS, folder, tries };
}

function parse(args: string[]) {
  try {
    const known = { packages: { type: "string" }, tries: { type: "string" } } as const;
    return parseArgs({ args, allowPositionals: true, options: known });
  } catch (error) {
    throw new InputError(
      `Expected questions, --packages <folder> and --tries <n>, got "${args.join(" ")}". ${(error as Error).message}`,
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
