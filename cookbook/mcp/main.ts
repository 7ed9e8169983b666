// The command line: the only file that reads the environment or prints.
import { createRequire } from "node:module";
import { constants } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { createMcpFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect } from "./llm.js";
import { createShared, type Progress } from "./nodes.js";
import { Tools } from "./tools.js";

const DEFAULTS = [
  "How many feet are 26.2 miles?",
  "How many days are there between 2024-02-01 and 2024-03-01?",
  "What is the median of 3, 9, 4 and 100?",
  "Who wrote Faust?",
];

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

const closing: (() => Promise<void>)[] = [];
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  for (const close of closing) await close();
}

async function main(): Promise<void> {
  const { questions, server } = options(process.argv.slice(2));
  const { llm, about, close } = await connect(process.env);
  closing.push(close);
  console.log(about);

  const { signal } = stop;
  const [command = "", ...args] = server;
  const tools = await Tools.connect(command, args, signal).catch((error: Error) => {
    throw new InputError(
      `Expected --server to be the command of an MCP server, got "${server.join(" ")}": ${error.message}. Try it by hand.`,
    );
  });
  closing.push(() => tools.close());

  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => tell(data as Progress));
  const flow = createMcpFlow({ llm, tools });
  for (const question of questions) {
    const shared = createShared(question);
    console.log(`\n${question}`);
    await flow.run(shared, { signal, events, maxSteps: 20 });
    console.log(`  ${shared.answer}`);
  }
}

function tell({ call, complaint, result }: Progress): void {
  console.log(`  ${call.name}(${call.arguments})`);
  console.log(complaint === undefined ? `    → ${result}` : `    refused: ${complaint}`);
}

function options(args: string[]): { questions: readonly string[]; server: readonly string[] } {
  const { values, positionals } = parse(args);
  const questions = positionals.map((each) => each.trim()).filter(Boolean);
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const own = [process.execPath, "--import", tsx, fileURLToPath(new URL("server.ts", import.meta.url))];
  const server = values.server?.trim().split(/\s+/) ?? own;
  return { questions: questions.length > 0 ? questions : DEFAULTS, server };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { server: { type: "string" } } });
  } catch (error) {
    throw new InputError(
      `Expected questions and --server <command>, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}
