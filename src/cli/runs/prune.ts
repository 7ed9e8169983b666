// sluice runs prune: deletes old runs.
import { Command } from "commander";
import { counted } from "../../view/model/words.js";
import type { Io } from "../io.js";
import { timeOf } from "../numbers.js";
import { type JournalOptions, withJournal } from "./open-journal.js";

interface PruneOptions extends JournalOptions {
  readonly olderThan: string;
}

const HELP = `
Only runs that are done or cancelled are deleted; all others can still be resumed.
A time is a number with ms, s, m (minutes), h or d (days).

Examples:
  $ sluice runs prune --older-than 7d`;

export const pruneCommand = (io: Io): Command =>
  new Command("prune")
    .summary("delete runs that are over")
    .description("Deletes runs that have been done or cancelled for some time.")
    .requiredOption("--older-than <time>", "how long they have been over, such as 7d")
    .addHelpText("after", HELP)
    .action(async (options: PruneOptions) => {
      const olderThan = timeOf(options.olderThan, "--older-than");
      await withJournal(options, async ({ journal }) => {
        io.out(`${counted(await journal.prune({ olderThan }), "run")} deleted\n`);
      });
    });
