// The command line: the only file that reads the environment or prints.
import { createRequire } from "node:module";
import { constants } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { Gate } from "sluice";
import { createTranslateFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { createShared, type Shared } from "./nodes.js";

interface Options {
  readonly to: readonly string[];
  readonly out: string;
  readonly concurrency: number;
  readonly compare?: boolean;
}

const program = new Command("parallel-translate")
  .description("Translates one document into many languages at once.")
  .argument("[file]", "a text or Markdown file (default: the README of sluice)")
  .option("--to <languages>", "the languages, with commas between them", languagesOf, [
    "German",
    "French",
    "Spanish",
    "Italian",
    "Portuguese",
    "Dutch",
    "Swedish",
    "Polish",
  ])
  .option("--out <folder>", "the folder to write to", "translations")
  .option("--concurrency <n>", "the most calls at once", countOf, 24)
  .option("--compare", "do it one after another too, and pay twice (default without a key, where it is free)")
  .option("--no-compare", "only do it at once")
  .addHelpText("after", "\nEnvironment: OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let service: Service | undefined;
try {
  await main(program.opts<Options>());
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await service?.close();
}

async function main({ to, out, concurrency, compare }: Options): Promise<void> {
  service = await connect(process.env);
  console.log(`${service.about}\n`);
  const path = program.args[0] ?? join(packageFolder("sluice"), "README.md");
  const input = { path: resolve(path), languages: to, folder: resolve(out) };
  const oneByOne = (compare ?? service.free) ? await run(input, service, 1) : undefined;
  const atOnce = await run(input, service, concurrency);

  const { parts = [], callTime, files, failures } = atOnce.shared;
  const calls = parts.length * to.length;
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`.padStart(7);
  console.log(
    `${basename(path)} has ${parts.length} parts, and ${to.length} languages make that ${calls} calls.`,
  );
  const row = (time: number, how: string) =>
    console.log(`  one after another ${seconds(time)}   ${how}\n  at once           ${seconds(atOnce.time)}`);
  if (oneByOne) row(oneByOne.time, "measured, with a concurrency of 1");
  else row(callTime, "if each call had waited for the one before");
  const times = (oneByOne?.time ?? callTime) / atOnce.time;
  if (files.length > 0) console.log(`                    ${times.toFixed(1)} times as fast\n`);
  for (const file of files) console.log(`Wrote ${join(out, basename(file))}`);
  for (const [language, reason] of failures) console.error(`Not in ${language}: ${reason}`);
  if (failures.size > 0) process.exitCode = 1;
}

async function run(
  input: Pick<Shared, "path" | "languages" | "folder">,
  { llm }: Service,
  concurrency: number,
) {
  const shared = createShared(input);
  const began = performance.now();
  await createTranslateFlow({ llm, gate: new Gate(), concurrency }).run(shared, { signal: stop.signal });
  return { shared, time: performance.now() - began };
}

function packageFolder(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
}

function languagesOf(text: string): string[] {
  const languages = [...new Set(text.split(",").map((name) => name.trim()))];
  const wrong = languages.find((name) => !/^\p{L}[\p{L} ()-]*$/u.test(name)); // it is part of a file's name
  if (wrong === undefined) return languages;
  throw new InvalidArgumentError(`Expected names of languages, such as "German,French", got "${wrong}".`);
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected an integer from 1 up.");
}
