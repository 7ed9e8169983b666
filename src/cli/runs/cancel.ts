// sluice runs cancel: cancels a run for good.
import { Command } from "commander";
import { Failure, type Io } from "../io.js";
import { printable } from "../terminal-text.js";
import { type JournalOptions, runNamed, withJournal } from "./open-journal.js";

const HELP = `
The process that runs it stops within a second, as by an abort. A cancelled run cannot be resumed.

Examples:
  $ sluice runs cancel nightly`;

export const cancelCommand = (io: Io): Command =>
  new Command("cancel")
    .summary("cancel a run for good")
    .description("Cancels a run for good, wherever it runs.")
    .argument("<id>", "the id of the run")
    .addHelpText("after", HELP)
    .action((id: string, options: JournalOptions) =>
      withJournal(options, async (opened) => {
        const { state } = await runNamed(opened, id);
        if (!(await opened.journal.cancel(id))) {
          throw new Failure(`${printable(id)} is over: it is ${state}, and cannot be cancelled`);
        }
        io.out(`${printable(id)}: cancelled\n`);
      }),
    );
