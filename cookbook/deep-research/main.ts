// The command line: the only file that reads the environment or prints.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { readCorpus } from "./corpus.js";
import { createResearchFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { createShared, type Finding, type Limits } from "./nodes.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let service: Service | undefined;
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await service?.close();
}

async function main(): Promise<void> {
  const { question, docs, limits } = optionsOf(process.argv.slice(2));
  const corpus = await readCorpus(docs);
  service = await connect(process.env);
  const { llm, about } = service;
  console.log(`${about}\n\n${question}\n(${corpus.documents} documents, at most ${limits.most} questions)\n`);

  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => {
    const { place, question, sources } = data as Finding;
    console.log(
      `${"  ".repeat(place.split(".").length)}${place} ${question} (${sources.length === 1 ? "1 source" : `${sources.length} sources`})`,
    );
  });
  const shared = createShared(question, limits);
  await createResearchFlow({ llm, corpus }).run(shared, { signal: stop.signal, events });
  console.log(`\n${shared.report}`);
  if (shared.gaps.length > 0) console.log(`\nNot found out\n${shared.gaps.join("\n")}`);
}

function optionsOf(args: string[]): { question: string; docs: string; limits: Limits } {
  const { values, positionals } = parse(args);
  const [question = "How do I cancel or abort pending work?", more] = positionals;
  if (more !== undefined || question.trim() === "") {
    throw new InputError(`Expected one question, got "${positionals.join('" and "')}". Put it into quotes.`);
  }
  const count = (name: "depth" | "breadth" | "most") => {
    const value = Number(values[name]);
    if (/^\d+$/.test(values[name]) && value >= 1 && value <= 100) return value;
    throw new InputError(
      `Expected --${name} to be an integer from 1 to 100, got "${values[name]}". Write --${name} 3.`,
    );
  };
  const limits = { depth: count("depth"), breadth: count("breadth"), most: count("most") };
  return { question, docs: values.docs ?? defaultDocs(process.cwd()), limits };
}

function parse(args: string[]) {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const bounds = { depth: text("3"), breadth: text("3"), most: text("12") };
  try {
    return parseArgs({ args, allowPositionals: true, options: { ...bounds, docs: { type: "string" } } });
  } catch (error) {
    throw new InputError(
      `Expected a question, --docs, --depth, --breadth and --most, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}

/** The packages here, or else those that this recipe was installed with. */
function defaultDocs(cwd: string): string {
  if (existsSync(join(cwd, "node_modules"))) return join(cwd, "node_modules");
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "node_modules", "openai")) && dirname(folder) !== folder)
    folder = dirname(folder);
  return join(folder, "node_modules");
}
