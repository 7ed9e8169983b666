// sluice runs resume: resumes a run in this process, with the flow of the config.
import { Command } from "commander";
import { locate, SluiceError } from "sluice";
import { counted } from "../../view/model/words.js";
import { Exit, Failure, type Io } from "../io.js";
import { makeRun } from "../load-config.js";
import { countOf } from "../numbers.js";
import { StopSignals } from "../stop-signals.js";
import { printable, printableLines, withoutPasswords } from "../terminal-text.js";
import { type JournalOptions, type OpenJournal, runNamed, withJournalAndFlows } from "./open-journal.js";
import { questionTable } from "./question-text.js";

interface ResumeOptions extends JournalOptions {
  readonly maxSteps?: string;
}

/** The exit code if the run waits for people again. */
const SUSPENDED = 3;

const HELP = `
The flow is that of sluice.config.ts with the name of the run's flow: see sluice runs --help. If the
run is done, only its action is printed. Ctrl-C drains the run: calls in flight end, and their results
are kept. A second Ctrl-C aborts it. SIGTERM does the same.

Exit codes: 0 the run is done, 1 it failed, 2 wrong usage, 3 it waits for answers (its open questions
are printed), 130 it was stopped by Ctrl-C, 143 by SIGTERM; after any of them but 0 it can be resumed.

Examples:
  $ sluice runs resume nightly
  $ sluice runs resume nightly --max-steps 500`;

export const resumeCommand = (io: Io): Command =>
  new Command("resume")
    .summary("go on with a run in this process")
    .description("Resumes a run where it stopped, in this process.")
    .argument("<id>", "the id of the run")
    .option("--max-steps <number>", "the maximum of steps, including those before")
    .addHelpText("after", HELP)
    .action((id: string, options: ResumeOptions) => resume(id, options, io));

async function resume(id: string, options: ResumeOptions, io: Io): Promise<void> {
  const maxSteps = options.maxSteps === undefined ? undefined : countOf(options.maxSteps, "--max-steps");
  await withJournalAndFlows(options, async (opened, config) => {
    const { journal } = opened;
    const { flow: name, params } = await runNamed(opened, id);
    const { flow, shared } = await makeRun(config, name);
    const stop = new StopSignals(io);
    try {
      const { drain, signal } = stop;
      await flow.run(shared as never, { journal, runId: id, params, drain, signal, maxSteps });
    } catch (error) {
      await ended(error, stop, opened, id, io);
    } finally {
      stop.end();
    }
    const { steps, action } = await runNamed(opened, id);
    const last = action === undefined ? "" : `, action ${JSON.stringify(action)}`;
    io.out(`${printable(`${id}: done after ${counted(steps, "step")}${last}`)}\n`);
  });
}

/** Prints the end of a run that is not done. @throws Exit, Failure */
async function ended(
  error: unknown,
  stop: StopSignals,
  opened: OpenJournal,
  id: string,
  io: Io,
): Promise<never> {
  const name = printable(id);
  if (stop.isReason(error)) {
    const { state, steps } = await runNamed(opened, id);
    io.out(`${name}: ${state} after ${counted(steps, "step")}\n`);
    throw new Exit(stop.exitCode);
  }
  if (error instanceof SluiceError && error.code === "SUSPENDED") {
    const { questions } = await runNamed(opened, id);
    io.out(questionTable(questions, io.columns));
    io.err(`${name}: suspended, waits for ${counted(questions.length, "answer")}\n`);
    throw new Exit(SUSPENDED);
  }
  throw new Failure(withoutPasswords(failureText(name, error)));
}

function failureText(name: string, error: unknown): string {
  const place = locate(error)
    ?.path.map((part) => (typeof part === "number" ? `[${part}]` : part))
    .join(" › ");
  const where = place === undefined ? "" : ` at ${printable(place)}`;
  if (error instanceof SluiceError) return `${name}${where}: ${printable(error.message)} (${error.code})`;
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${name} failed${where}:\n${printableLines(reason)}`;
}
