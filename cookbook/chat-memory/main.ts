// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { createMemoryChatFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { Memory } from "./memory.js";
import type { Shared } from "./nodes.js";

const EXAMPLE = [
  "My dog is called Rex.",
  "I work as a baker in Porto.",
  "On Sundays I play chess.",
  "It rained all week.",
  "I baked forty loaves today.",
  "What is my dog called?",
  "What is my cat called?",
];

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let service: Service | undefined;
let memory: Memory | undefined;
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  memory?.close();
  await service?.close();
}

async function main(): Promise<void> {
  const { file, window, recall } = readArguments();
  service = await connect(process.env);
  console.log(service.about);
  memory = openMemory(file, service.llm.embedder);
  const flow = createMemoryChatFlow({ llm: service.llm, memory, window, recall });
  const say = async (question: string) => {
    const shared: Shared = { question };
    await flow.run(shared, { signal: stop.signal });
    for (const { question: said, likeness } of shared.recalled ?? []) {
      console.log(`  [recalled: ${said} (${likeness.toFixed(2)})]`);
    }
    console.log(`  ${shared.answer}`);
  };
  if (process.stdin.isTTY) return await chat(say);
  const lines = await readLines();
  for (const line of lines.length > 0 ? lines : EXAMPLE) {
    console.log(`\n> ${line}`);
    await say(line);
  }
}

/** Lets a person talk, until an empty line. */
async function chat(say: (question: string) => Promise<void>): Promise<void> {
  console.log("Tell it something, and ask for it much later; an empty line ends it.");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    for (;;) {
      const line = (await terminal.question("\n> ", { signal: stop.signal })).trim();
      if (line === "") return;
      await say(line);
    }
  } finally {
    terminal.close();
  }
}

async function readLines(): Promise<string[]> {
  const lines: string[] = [];
  const input = createInterface({ input: process.stdin, signal: stop.signal });
  for await (const line of input) if (line.trim() !== "") lines.push(line.trim());
  stop.signal.throwIfAborted();
  return lines;
}

function openMemory(file: string, model: string): Memory {
  try {
    return new Memory(file, model);
  } catch (error) {
    throw new InputError(
      `Expected --memory to name a SQLite file, got "${file}": ${(error as Error).message}. Name another, or a new one.`,
    );
  }
}

function readArguments(): { file: string; window: number; recall: number } {
  const usage = "Write: npm start -- [--memory file.sqlite] [--window 3] [--recall 2]";
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const options = { memory: text(":memory:"), window: text("3"), recall: text("2") };
  let values: { memory: string; window: string; recall: string };
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    throw new InputError(`${(error as Error).message}. ${usage}`);
  }
  const count = (name: "window" | "recall") => {
    if (/^\d{1,3}$/.test(values[name])) return Number(values[name]);
    throw new InputError(`Expected --${name} to be a number from 0 to 999, got "${values[name]}". ${usage}`);
  };
  return { file: values.memory, window: count("window"), recall: count("recall") };
}
