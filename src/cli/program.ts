// The program: its commands, each in its own file, and their exit codes.
import { Command, CommanderError } from "commander";
import { addCommand } from "./add.js";
import { commandIn, usageOf } from "./commander-usage.js";
import { addCompletion } from "./completion.js";
import { demoCommand } from "./demo.js";
import { graphCommand } from "./graph.js";
import { Exit, Failure, type Io, UsageError } from "./io.js";
import { readManifest } from "./manifest.js";
import { newCommand } from "./new.js";
import { packageRoot } from "./package-root.js";
import { runsCommand } from "./runs/runs.js";
import { studioCommand } from "./studio/command.js";
import { traceCommand } from "./trace.js";
import { viewCommand } from "./view.js";
import { workerCommand } from "./worker.js";

/** All commands, in the order of the help. A new command is a file and a line here. */
const commands: readonly ((io: Io) => Command)[] = [
  viewCommand,
  traceCommand,
  graphCommand,
  runsCommand,
  studioCommand,
  workerCommand,
  newCommand,
  addCommand,
  demoCommand,
];

const EXAMPLES = `
Examples:
  $ sluice view run.jsonl --open        show a recorded run
  $ sluice view run.jsonl --live        watch a run in progress
  $ sluice trace run.jsonl              summarise it as text
  $ sluice trace run.jsonl --chrome     for https://ui.perfetto.dev
  $ sluice graph flow.ts                draw a flow as Mermaid
  $ sluice runs ls                      list the runs of a journal
  $ sluice studio --open                show all runs, answer questions, resume runs
  $ sluice worker flow.ts               process calls of a flow on another machine
  $ sluice add --list                   list the recipes of the cookbook
  $ sluice new my-agent --recipe agent  make a project from a recipe
  $ sluice demo agent                   run a recipe without a key

recordTrace of "sluice/trace" records runs:
  const trace = recordTrace("run.jsonl");
  await flow.run(shared, { events: trace.events });
  await trace.close();

Exit codes: 0 success, 1 failure, 2 wrong usage; those of sluice runs resume
are in its help.`;

/** Runs the command line and returns the exit code. */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  const program = new Command("sluice")
    .description("Draws flows, shows and resumes runs, copies recipes and tries them.")
    .helpOption("-h, --help", "show this help, or that of a command")
    .option("-V, --version", "print the version")
    .addHelpText("after", EXAMPLES);
  for (const make of commands) program.addCommand(make(io));
  program.addCommand(helpCommand(program));
  addCompletion(program);
  for (const command of withSubcommands(program)) {
    command
      .helpCommand(false)
      .exitOverride()
      .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => {} })
      .showSuggestionAfterError(false);
  }
  try {
    if (args[0] === "--version" || args[0] === "-V") {
      io.out(`${(await readManifest(packageRoot())).manifest.version}\n`);
      return 0;
    }
    const { command, rest } = commandIn(program, args);
    if (rest.length === 0 && command.commands.length > 0) {
      command.outputHelp();
      return 0;
    }
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // after the help
    if (error instanceof Exit) return error.code;
    const usage = error instanceof CommanderError ? usageOf(error, program, args) : error;
    if (usage instanceof UsageError) {
      io.err(`error: ${usage.message}\n`);
      return 2;
    }
    io.err(`error: ${error instanceof Failure ? error.message : described(error)}\n`);
    return 1;
  }
}

const helpCommand = (program: Command): Command =>
  new Command("help")
    .summary("show the help of a command")
    .description("Shows the help of a command, or this program's own.")
    .argument("[command...]", "the command")
    .addHelpText("after", "\nExamples:\n  $ sluice help view\n  $ sluice help runs resume")
    .action((names: string[]) => {
      const { command, rest } = commandIn(program, names);
      if (rest.length > 0) throw usageOf(unknownCommand, program, names);
      command.outputHelp();
    });

const unknownCommand = new CommanderError(1, "commander.unknownCommand", "unknown command");

const withSubcommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
];

function described(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
