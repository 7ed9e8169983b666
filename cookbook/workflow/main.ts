// The command line: the only file that reads the environment or prints.
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { createArticleFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import type { Shared } from "./nodes.js";

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
  const shared: Shared = { notes: await readNotes(process.argv.slice(2)) };
  service = await connect(process.env);
  console.error(`${service.about}\n`);
  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => console.error(`  ${data}`));
  await createArticleFlow(service).run(shared, { signal: stop.signal, events });
  console.error();
  console.log(shared.article); // alone on stdout, to be written to a file
}

async function readNotes(args: readonly string[]): Promise<string> {
  const [file = join(import.meta.dirname, "notes.txt"), second] = args;
  if (second !== undefined) {
    throw new InputError(`Expected one file with notes, got "${args.join('" "')}". Put them into one.`);
  }
  const text = await readFile(file, "utf8").catch((error) => {
    throw new InputError(`Expected a file with notes, got "${file}": ${error.message}. Correct the path.`);
  });
  if (text.trim() !== "") return text;
  throw new InputError(`Expected notes in "${file}", got an empty file. Write some sentences into it.`);
}
