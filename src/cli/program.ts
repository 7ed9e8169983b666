// The program: its commands, each in a file of its own, and what their ends mean.
import { Command, CommanderError } from "commander";
import { addCommand } from "./add.js";
import { usageOf } from "./commander-usage.js";
import { graphCommand } from "./graph.js";
import { Failure, type Io, UsageError } from "./io.js";
import { newCommand } from "./new.js";
import { traceCommand } from "./trace.js";
import { viewCommand } from "./view.js";

/** Every command, in the order of the help. A new one is a file and a line here. */
const commands: readonly ((io: Io) => Command)[] = [
  viewCommand,
  traceCommand,
  graphCommand,
  newCommand,
  addCommand,
];

const EXAMPLES = `
Examples:
  $ sluice view run.jsonl --open        look at a run that was recorded
  $ sluice view run.jsonl --live        watch one that still goes on
  $ sluice trace run.jsonl              the same in a few lines of text
  $ sluice trace run.jsonl --chrome     for https://ui.perfetto.dev
  $ sluice graph flow.ts                draw a flow as Mermaid
  $ sluice add --list                   name the recipes of the cookbook
  $ sluice new my-agent --recipe agent  make a project of one

A run is recorded by recordTrace of "sluice/trace":
  const trace = recordTrace("run.jsonl");
  await flow.run(shared, { events: trace.events });
  await trace.close();

Exit codes: 0 all went well, 1 it failed, 2 it was called wrongly.`;

/** Runs the command line and gives the exit code. */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  const program = new Command("sluice")
    .description("Look at flows: their graphs, and what their runs did. Copy recipes.")
    .helpOption("-h, --help", "show this help, or that of a command")
    .helpCommand(false)
    .addHelpText("after", EXAMPLES);
  for (const make of commands) program.addCommand(make(io));
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => {} })
      .showSuggestionAfterError(false);
  }
  try {
    if (args.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // it has shown its help
    const usage = error instanceof CommanderError ? usageOf(error, program, args) : error;
    if (usage instanceof UsageError) {
      io.err(`error: ${usage.message}\n`);
      return 2;
    }
    io.err(`error: ${error instanceof Failure ? error.message : described(error)}\n`);
    return 1;
  }
}

function described(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
