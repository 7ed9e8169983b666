// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { createGameFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { createShared, type Said } from "./nodes.js";
import { type Card, drawCard } from "./rules.js";

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
  const { card, most } = optionsOf(process.argv.slice(2));
  service = await connect(process.env);
  const { llm, about } = service;
  console.log(`${about}\n\nThe word is ${card.word}; taboo: ${card.taboo.join(", ") || "nothing"}.\n`);

  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => {
    const { by, text } = data as Said;
    console.log(`  ${by.padEnd(8)} ${text}`);
  });
  const shared = createShared(card, most);
  await createGameFlow({ hinter: llm, guesser: llm }).run(shared, { signal: stop.signal, events });

  const hints = `${shared.hinter.hints.length} ${shared.hinter.hints.length === 1 ? "hint" : "hints"}`;
  console.log(shared.outcome === "guessed" ? `\nGuessed after ${hints}.` : `\nNot guessed in ${hints}.`);
}

function optionsOf(args: string[]): { card: Card; most: number } {
  const { values, positionals } = parse(args);
  const most = Number(values.hints);
  if (!/^\d+$/.test(values.hints) || most < 1) {
    throw new InputError(
      `Expected --hints to be an integer from 1 up, got "${values.hints}". Write --hints 8.`,
    );
  }
  const [word, ...taboo] = positionals;
  if (word !== undefined && !/\p{L}/u.test(word)) {
    throw new InputError(
      `Expected a word to guess, got "${word}". Write it first, and then its taboo words.`,
    );
  }
  return { card: word === undefined ? drawCard(Math.random()) : { word, taboo }, most };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: { hints: { type: "string", default: "10" } } });
  } catch (error) {
    throw new InputError(
      `Expected a word, its taboo words and --hints, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}
