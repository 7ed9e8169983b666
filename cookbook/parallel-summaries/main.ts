// The command line: the only file that reads the environment or prints.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, parse, relative, resolve, sep } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import OpenAI from "openai";
import ora from "ora";
import { Gate, SluiceError } from "sluice";
import { type Journal, openJournal } from "sluice/journal";
import { escapePath } from "tinyglobby";
import { createSummariesFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { Llm, MOST_TOKENS } from "./llm.js";
import { outcomesOf, type Shared } from "./nodes.js";
import { checkOutput, writeOutput } from "./output.js";
import { failureText, limitsText, planText, progressText, table } from "./report.js";
import { startOf } from "./runs.js";
import type { Limits, StandIn } from "./stand-in.js";

interface Options {
  readonly limit: number;
  readonly model: string;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly concurrency: number;
  readonly out: string;
  readonly fresh?: boolean;
}

const program = new Command("parallel-summaries")
  .description("Summarises documents in parallel, as fast as the vendor allows and no faster.")
  .argument("[globs...]", "documents: globs, files or folders (default: the READMEs in node_modules)")
  .option("--limit <n>", "the most documents", integerFrom(1), 300)
  .addOption(new Option("--model <name>", "the model").env("OPENAI_MODEL").default("gpt-4.1-mini"))
  .option("--rpm <n>", "requests a minute (default: 500; 1500 without a key)", integerFrom(1))
  .option("--tpm <n>", "tokens a minute (default: 200000; 3000000 without a key)", integerFrom(MOST_TOKENS))
  .option("--concurrency <n>", "the most calls at once", integerFrom(1), 32)
  .option("--out <file>", "the file to write", "summaries.json")
  .option("--fresh", "pay again for what earlier runs have summarised")
  .addHelpText(
    "after",
    `
Environment:
  OPENAI_API_KEY   without it a stand-in on this machine answers, for nothing
  OPENAI_BASE_URL  another service that speaks OpenAI's protocol

Examples:
  npm start -- "docs/**/*.md"
  npm start -- --limit 20 --rpm 60 notes/`,
  )
  .showHelpAfterError("Run it with --help to see what it takes.")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse();
const options = program.opts<Options>();

const live = process.stderr.isTTY && process.env.CI === undefined;
const bar = ora({ isEnabled: live, discardStdin: false }); // Ctrl-C must stay a signal
/** When the first document of this process was done, and how many were done before it. */
let begun: { readonly at: number; readonly before: number } | undefined;
const drain = new AbortController();
const stop = new AbortController();
// The first signal lets calls in flight end, for they are paid for; a second one stops them.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    const reason = new Error(`Stopped by ${signal}`);
    if (drain.signal.aborted) return stop.abort(reason);
    const again = signal === "SIGINT" ? "press Ctrl-C" : `send ${signal}`;
    console.error(`\nfinishing what is in flight; ${again} again to stop now`);
    drain.abort(reason);
  });
}

try {
  await main();
} catch (error) {
  if (error !== drain.signal.reason && error !== stop.signal.reason) {
    const isInUse = error instanceof SluiceError && error.code === "JOURNAL_IN_USE";
    process.exitCode = isInUse || error instanceof InputError ? 2 : 1;
    console.error(process.exitCode === 2 ? `error: ${(error as Error).message}` : error);
  }
}

async function main(): Promise<void> {
  const output = resolve(options.out);
  checkOutput(output);
  await using journal = await openJournalOf(output);
  const service = await connect();
  try {
    await summarise(service, journal, output);
  } finally {
    await service.standIn?.close();
  }
}

/** @throws InputError if there is something else, or no folder. */
async function openJournalOf(output: string): Promise<Journal> {
  try {
    return await openJournal(join(dirname(output), `.${parse(output).name}.journal.db`));
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    throw new InputError(`${error.message} (it lies beside the file of --out).`);
  }
}

async function summarise({ llm, limits }: Service, journal: Journal, output: string): Promise<void> {
  const { limit, concurrency } = options;
  const rate = { ...limits, per: 60_000, burst: 1_000 };
  const gate = new Gate({ concurrency, rate, maxPauses: 100 });
  bar.suffixText = () => (gate.stats().pausedUntil === undefined ? "" : "(429: the service asks to wait)");
  const flow = createSummariesFlow({ llm, gate, concurrency, onPlan, onProgress });
  const cwd = process.cwd();
  const globs = program.args.length > 0 ? program.args : defaultGlobs(cwd);
  const input = { globs, limit, cwd, output, llm: llm.id };
  const { runId, shared, goesOn } = await startOf(journal, flow, input, options.fresh);
  if (goesOn) console.log("\nGoing on with the run that stopped.");
  const startedAt = performance.now();
  try {
    await flow.run(shared, { journal, runId, drain: drain.signal, signal: stop.signal });
  } catch (error) {
    bar.stop();
    const { summarised = 0, kept = 0 } = shared.counts ?? {};
    if (summarised > 0) writeOutput(output, outcomesOf(shared));
    if (shared.documents?.length > 0) {
      const done = `${summarised + kept} of ${shared.documents.length} summaries are kept`;
      console.log(`\nStopped. ${done}; start again to go on from there.`);
    }
    throw error;
  }
  bar.stop();
  const { started: calls, refused } = gate.stats();
  const time = performance.now() - startedAt;
  const { firstCallAt = 0, lastCallAt, tokens } = llm;
  console.log(`\n${table(shared, { time, firstCallAt, lastCallAt, calls, tokens, refused, rate })}`);
  if (shared.counts.failed > 0) {
    console.log(`\n${failureText(shared)}\nStart again to try what failed once more.`);
    process.exitCode = 1;
  }
  console.log(`\nWrote ${options.out}`);
}

/** Who answers, and how much of it. */
interface Service {
  readonly llm: Llm;
  readonly limits: Limits;
  readonly standIn?: StandIn;
}

/** Finds out who answers, and says so. */
async function connect(): Promise<Service> {
  const apiKey = process.env.OPENAI_API_KEY?.trim();
  const baseURL = process.env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!/^https?:$/.test(URL.canParse(baseURL) ? new URL(baseURL).protocol : "")) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  if (apiKey) {
    const limits = { requests: options.rpm ?? 500, tokens: options.tpm ?? 200_000 };
    console.log(`Using ${options.model} at ${baseURL},\nat most ${limitsText(limits)}.`);
    return { llm: new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 0 }), options.model), limits };
  }
  const limits = { requests: options.rpm ?? 1_500, tokens: options.tpm ?? 3_000_000 };
  const { startStandIn } = await import("./stand-in.js");
  const standIn = await startStandIn(limits);
  console.log(
    `No OPENAI_API_KEY: using a local stand-in at ${standIn.url}.\n` +
      "It picks the most central sentences of each document and, like a vendor,\n" +
      `refuses more than ${limitsText(limits)}.` +
      (process.env.OPENAI_BASE_URL ? "\nOPENAI_BASE_URL is not used without a key." : ""),
  );
  const client = new OpenAI({ apiKey: "none", baseURL: standIn.url, maxRetries: 0 });
  return { llm: new Llm(client, "stand-in", "stand-in"), limits, standIn };
}

/** The READMEs in node_modules here, or else in the folder that this recipe was installed with. */
function defaultGlobs(cwd: string): string[] {
  let folder = cwd;
  if (!existsSync(join(cwd, "node_modules"))) {
    folder = import.meta.dirname;
    while (!existsSync(join(folder, "node_modules")) && dirname(folder) !== folder) folder = dirname(folder);
  }
  const base = escapePath([...relative(cwd, folder).split(sep), "node_modules"].filter(Boolean).join("/"));
  return [`${base}/**/README.md`, `${base}/.pnpm/**/README.md`];
}

function onPlan(shared: Shared): void {
  console.log(`\n${planText(shared)}`);
}

/** Without a terminal a line for each tenth has to do. */
function onProgress(shared: Shared): void {
  const [done, all] = [shared.outcomes.size, shared.documents.length];
  begun ??= { at: performance.now(), before: done };
  bar.text = progressText(shared, begun.at, begun.before);
  if (live) bar.start();
  if (!live && Math.floor((10 * done) / all) > Math.floor((10 * (done - 1)) / all)) console.error(bar.text);
}

function integerFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && Number.isSafeInteger(value)) return value;
    throw new InvalidArgumentError(`Expected an integer from ${least} up.`);
  };
}
