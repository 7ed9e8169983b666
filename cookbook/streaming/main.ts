// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { createTalkFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import type { Shared, Told } from "./nodes.js";
import { Keyboard } from "./person.js";

const args = process.argv.slice(2);
const live = args.length === 0 && process.stdin.isTTY === true;
const input = args.length === 0 ? process.stdin : Readable.from([`${args.join(" ")}\n`]);
const lines = createInterface({ input, ...(live && { output: process.stdout, prompt: "\n> " }) });

const stop = new AbortController();
const leave = (signal: "SIGINT" | "SIGTERM") => {
  process.exitCode = 128 + constants.signals[signal];
  stop.abort(new Error(`Stopped by ${signal}`));
};
const keyboard = new Keyboard(lines, live, {
  onPrompt: () => live && lines.prompt(),
  onLeave: () => leave("SIGINT"),
});
// At a terminal readline sees Ctrl-C before the system makes a signal of it.
for (const source of [process, lines]) source.on("SIGINT", () => keyboard.interrupt());
process.on("SIGTERM", () => leave("SIGTERM"));

let service: Service | undefined;
const shared: Shared = { messages: [], answers: [] };
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  lines.close();
  // The stand-in would first finish what nobody listens to any more.
  if (process.exitCode) process.exit();
  await service?.close();
}

async function main(): Promise<void> {
  service = await connect(process.env);
  console.log(service.about);
  if (live) console.log("Ask something. Enter or Ctrl-C stops an answer; twice, and you are out.");
  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => show(data as Told));
  await createTalkFlow({ llm: service.llm, person: keyboard }).run(shared, { signal: stop.signal, events });
  if (shared.answers.length === 0 && !live) {
    throw new InputError(
      'Expected a question as an argument, or one on each line of standard input, got none. Try: npm start -- "What is a sluice?"',
    );
  }
  // Ctrl-C that ended the last answer has ended the program, for whoever started it.
  if (!live && shared.answers.at(-1)?.stopped) process.exitCode = 128 + constants.signals.SIGINT;
}

function show(told: Told): void {
  if ("piece" in told) {
    process.stdout.write(told.piece);
    return;
  }
  const { text, stopped, first, last } = told.answered;
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;
  const read = `${text.split(/\s+/).filter(Boolean).length} words`;
  process.stdout.write(
    stopped
      ? `\n  [stopped after ${read} and ${seconds(last)}; they are kept, so "go on" goes on from here]\n`
      : `\n  [first words after ${seconds(first)}, all ${read} after ${seconds(last)}]\n`,
  );
}
