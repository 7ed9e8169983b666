// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { createThinkingFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service, type Thought } from "./llm.js";
import { createShared } from "./nodes.js";
import { move, type Puzzle, parsePuzzle, puzzleText } from "./puzzle.js";

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
  const { puzzle, most } = optionsOf(process.argv.slice(2));
  service = await connect(process.env);
  const { llm, about } = service;
  console.log(`${about}\n\n${puzzleText(puzzle)}`);

  const events = new EventEmitter<RunEvents>();
  let thoughts = 0;
  events.on("data", ({ data }) => {
    const { thinking, plan } = data as Thought;
    console.log(`\n${++thoughts}. ${thinking}`);
    for (const { step, status, result } of plan) {
      const box = { open: "[ ]", done: "[x]", dropped: "[-]" }[status];
      console.log(`   ${box} ${step}${result === "" ? "" : `: ${result}`}`);
    }
  });
  const shared = createShared(puzzle, most);
  const ending = await createThinkingFlow({ llm }).run(shared, { signal: stop.signal, events });
  if (ending !== "right") {
    console.log(`\nNo answer after ${thoughts} thoughts.${shared.objection ? ` ${shared.objection}` : ""}`);
    process.exitCode = 1;
  } else printAnswer(shared.answer ?? [], puzzle);
}

function printAnswer(moves: readonly string[], puzzle: Puzzle): void {
  console.log(
    moves.length === 0 ? "\nIt cannot be done, which was checked." : "\nThe answer, which was checked:",
  );
  let litres = puzzle.jugs.map(() => 0);
  for (const each of moves) {
    litres = move(litres, each, puzzle);
    console.log(`  ${each.padEnd(10)}${litres.join(" ")}`);
  }
}

function optionsOf(args: string[]): { puzzle: Puzzle; most: number } {
  const { values, positionals } = parse(args);
  const most = Number(values.thoughts);
  if (!/^\d+$/.test(values.thoughts) || most < 1) {
    throw new InputError(
      `Expected --thoughts to be an integer from 1 up, got "${values.thoughts}". Write --thoughts 12.`,
    );
  }
  return { puzzle: parsePuzzle(positionals.length === 0 ? ["4", "10", "15", "3"] : positionals), most };
}

function parse(args: string[]) {
  const options = { thoughts: { type: "string", default: "12" } } as const;
  try {
    return parseArgs({ args, allowPositionals: true, options });
  } catch (error) {
    throw new InputError(
      `Expected sizes of jugs, a target and --thoughts, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}
