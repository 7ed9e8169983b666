// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { createChatFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import type { Shared, Terminal } from "./nodes.js";

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
  const args = process.argv.slice(2);
  if (args.length > 0) {
    throw new InputError(
      `Expected no arguments, got "${args.join(" ")}". Start it and type, or pipe lines: echo "Hello" | npm start`,
    );
  }
  service = await connect(process.env);
  console.log(`${service.about}\nSay “exit”, or press Ctrl-D, to leave.\n`);
  const { terminal, close } = openTerminal();
  const shared: Shared = { messages: [] };
  try {
    await createChatFlow({ llm: service.llm, terminal }).run(shared, { signal: stop.signal });
  } finally {
    close(); // or an open stdin would hold the process
  }
  const answers = shared.messages.filter(({ role }) => role === "assistant").length;
  console.log(`\nGoodbye, after ${answers} ${answers === 1 ? "answer" : "answers"}.`);
}

/** Lines come from whoever is at the other end of stdin: a person gets a prompt, a pipe is echoed. */
function openTerminal(): { terminal: Terminal; close: () => void } {
  const isPerson = process.stdin.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    ...(isPerson && { output: process.stdout, prompt: "You: " }),
  });
  // At a terminal readline takes Ctrl-C for itself.
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  const iterator = lines[Symbol.asyncIterator](); // from the start, for it keeps what is typed too early
  const read = async () => {
    if (isPerson) lines.prompt();
    const { done, value } = await iterator.next();
    if (done) return undefined;
    if (!isPerson) console.log(`You: ${value}`);
    return value;
  };
  return { terminal: { read, write: (text) => console.log(`Bot: ${text}`) }, close: () => lines.close() };
}
