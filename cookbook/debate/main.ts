// The command line: the only file that reads the environment or prints.
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { parseCase, SAMPLE } from "./case.js";
import { createDebateFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { createShared, type Limits, type Round } from "./nodes.js";

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
  const { path, limits } = optionsOf(process.argv.slice(2));
  const topic = parseCase(path === undefined ? SAMPLE : await read(path), limits.rounds);
  service = await connect(process.env);
  const { llm, about } = service;
  console.log(`${about}\n\n${topic.motion}`);

  const events = new EventEmitter<RunEvents>();
  let rounds = 0;
  events.on("data", ({ data }) => {
    const { for: pro, against: con, scores } = data as Round;
    console.log(`\nRound ${++rounds}`);
    console.log(`  for      ${pro.text} [${pro.fact}]\n  against  ${con.text} [${con.fact}]`);
    console.log(`  judge    ${scores.for} : ${scores.against}. ${scores.reason}`);
  });
  const shared = createShared(topic, limits);
  const flow = createDebateFlow({ for: llm, against: llm, judge: llm });
  await flow.run(shared, { signal: stop.signal, events });
  console.log(`\nWinner: ${shared.winner}, after ${rounds} ${rounds === 1 ? "round" : "rounds"}.`);
}

async function read(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: Error) => {
    throw new InputError(
      `Expected a file with a case, got "${path}": ${error.message}. Name one that exists.`,
    );
  });
}

function optionsOf(args: string[]): { path: string | undefined; limits: Limits } {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) {
    throw new InputError(
      `Expected one file with a case, got "${positionals.join('" and "')}". Leave one out.`,
    );
  }
  const positive = (name: "rounds" | "margin", pattern: RegExp) => {
    const value = Number(values[name]);
    if (pattern.test(values[name]) && value > 0) return value;
    throw new InputError(
      `Expected --${name} to be a number over 0, got "${values[name]}". Write --${name} 3.`,
    );
  };
  const limits = { rounds: positive("rounds", /^\d+$/), margin: positive("margin", /^\d+(\.\d+)?$/) };
  return { path: positionals[0], limits };
}

function parse(args: string[]) {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  try {
    return parseArgs({ args, allowPositionals: true, options: { rounds: text("4"), margin: text("2") } });
  } catch (error) {
    throw new InputError(
      `Expected a file, --rounds and --margin, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}
