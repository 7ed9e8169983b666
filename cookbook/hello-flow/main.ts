// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { createHelloFlow } from "./flow.js";
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
  const shared: Shared = { question: questionOf(process.argv.slice(2)) };
  service = await connect(process.env);
  console.log(`${service.about}\n`);
  console.log(`Question: ${shared.question}`);
  await createHelloFlow(service).run(shared, { signal: stop.signal });
  console.log(`Answer:   ${shared.answer}`);
}

function questionOf(words: readonly string[]): string {
  if (words.length === 0) return "What is 17 times 23?";
  const question = words.join(" ").trim();
  if (question !== "") return question;
  throw new InputError(
    'Expected a question, got an empty text. Write one: npm start -- "What is 17 times 23?"',
  );
}
