// The command line: the only file that reads the environment or prints.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { EventEmitter } from "eventemitter3";
import OpenAI from "openai";
import type { Flow, RunEvents } from "sluice";
import { sampleEmail } from "./email.js";
import { createMixedFlow, createParallelFlow, createSequentialFlow, type EnsembleDeps } from "./flow.js";
import { InputError } from "./input-error.js";
import { Llm } from "./llm.js";
import { createShared, type Shared } from "./nodes.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let service: ChildProcess | undefined;
let close = async () => {};
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  if (service?.connected) service.disconnect();
  await close();
}

async function main(): Promise<void> {
  const email = await emailOf(process.argv.slice(2));
  const { client, model } = await connect();
  service = fork(fileURLToPath(new URL("service.ts", import.meta.url)), ["--forked"]);
  const [{ url: serviceUrl }] = await once(service, "message", { signal: stop.signal });
  console.log(`The third model is a service in process ${service.pid} at ${serviceUrl}.\n`);

  const llm = new Llm(client, model);
  const deps: EnsembleDeps = { llm, serviceUrl };
  await run(createMixedFlow(deps), createShared(email)); // connections and caches are warm from here on
  const sequential = await run(createSequentialFlow(deps), createShared(email));
  const { text = "", points = "" } = sequential.shared;
  const parallel = await run(createParallelFlow(deps), createShared(email, { text, points }));
  const mixed = await run(createMixedFlow(deps), createShared(email));
  printTimes(sequential, parallel, mixed);
  console.log(`\nThe service streamed ${mixed.candidates} candidates while it worked.`);
  printBest(mixed.shared);

  console.log("\nOnce more, with a friendly model that does not exist:");
  const friendly = new Llm(client, "no-such-model");
  printBest((await run(createMixedFlow({ ...deps, friendly }), createShared(email))).shared);
}

interface Measured {
  readonly shared: Shared;
  readonly ms: number;
  /** What the service sent while it worked. */
  readonly candidates: number;
}

async function run(flow: Flow<Shared>, shared: Shared): Promise<Measured> {
  const events = new EventEmitter<RunEvents>();
  let candidates = 0;
  events.on("data", () => candidates++);
  const began = performance.now();
  await flow.run(shared, { signal: stop.signal, events });
  return { shared, ms: performance.now() - began, candidates };
}

function printTimes(sequential: Measured, parallel: Measured, mixed: Measured): void {
  const models = ["Formal", "Friendly", "Extractor"];
  const ms = (value: number) => `${Math.round(value)} ms`.padStart(9);
  const timeOf = ({ shared }: Measured, step: string) => shared.times.get(step) ?? 0;
  const steps = ["Clean", "Condense", ...models, "Rank"];
  console.log("  step        one by one  side by side");
  for (const step of steps) {
    console.log(`  ${step.padEnd(10)} ${ms(timeOf(sequential, step))}   ${ms(timeOf(mixed, step))}`);
  }
  const sum = (measured: Measured, names: string[]) =>
    names.reduce((total, step) => total + timeOf(measured, step), 0);
  const max = (measured: Measured) => Math.max(...models.map((step) => timeOf(measured, step)));
  const outside = ["Clean", "Condense", "Rank"];
  console.log("\n  pattern     measured   from its steps");
  const line = (name: string, { ms: took }: Measured, should: number, how: string) =>
    console.log(`  ${name.padEnd(10)} ${ms(took)}  ${ms(should)} = ${how}`);
  line("sequential", sequential, sum(sequential, steps), "the sum of all six");
  line("parallel", parallel, max(parallel), "the slowest of the three models");
  line("mixed", mixed, sum(mixed, outside) + max(mixed), "the other three steps, and the slowest model");
}

function printBest({ proposals, failures, best }: Shared): void {
  for (const { by, subject } of [...proposals].sort((a, b) => a.by.localeCompare(b.by))) {
    console.log(`  ${by === best?.by ? "→" : " "} ${by.padEnd(10)} ${subject}`);
  }
  for (const failure of failures) console.log(`  × ${failure}`);
}

async function emailOf(args: readonly string[]): Promise<string> {
  const [path, second] = args;
  if (path === undefined) return sampleEmail;
  if (second !== undefined || path.startsWith("-")) {
    throw new InputError(`Expected at most one file with an e-mail, got "${args.join(" ")}".`);
  }
  const text = await readFile(path, "utf8").catch((error) => {
    throw new InputError(`Expected a file with an e-mail, got "${path}": ${error.message}.`);
  });
  if (text.trim() === "") throw new InputError(`Expected an e-mail in "${path}", got an empty file.`);
  return text;
}

/** Finds out who answers, and says so. */
async function connect(): Promise<{ client: OpenAI; model: string }> {
  const apiKey = process.env.OPENAI_API_KEY?.trim();
  if (apiKey) {
    const baseURL = process.env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
    if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
      throw new InputError(
        `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
      );
    }
    const model = process.env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
    console.log(`Using ${model} at ${baseURL}.`);
    return { client: new OpenAI({ apiKey, baseURL, maxRetries: 0 }), model };
  }
  const { startStandIn, MODEL } = await import("./stand-in.js");
  const standIn = await startStandIn();
  close = standIn.close;
  console.log(
    `No OPENAI_API_KEY: using local stand-ins at ${standIn.url}.\nThey answer with words that they find in the e-mail.`,
  );
  return { client: new OpenAI({ apiKey: "none", baseURL: standIn.url, maxRetries: 0 }), model: MODEL };
}
