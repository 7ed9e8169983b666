// sluice runs: lists, shows, answers, resumes, cancels and deletes runs of a journal.
import { Command } from "commander";
import type { Io } from "../io.js";
import { answerCommand } from "./answer.js";
import { cancelCommand } from "./cancel.js";
import { lsCommand } from "./ls.js";
import { withJournalOptions } from "./open-journal.js";
import { pruneCommand } from "./prune.js";
import { resumeCommand } from "./resume.js";
import { showCommand } from "./show.js";

const commands: readonly ((io: Io) => Command)[] = [
  lsCommand,
  showCommand,
  answerCommand,
  resumeCommand,
  cancelCommand,
  pruneCommand,
];

const HELP = `
The journal is that of --journal, of the variable SLUICE_JOURNAL, or of sluice.config.ts in this
folder, in this order. sluice.config.ts also has the flows for sluice runs resume:

  export default {
    journal: "runs.db",
    flows: { Approvals: () => createFlow(deps) },
  };

A flow has the same name there as itself. To pass the transient keys of the store, write
Approvals: { flow: () => createFlow(deps), shared: () => ({ client }) }. journal may also be a URL,
an open journal, or a function that returns one; a path is relative to the config's folder. The
extensions .mts, .cts, .js, .mjs and .cjs work too; TypeScript needs tsx in your project, or a Node
that strips types (22.18 or newer).

Examples:
  $ sluice runs ls --state suspended
  $ sluice runs show nightly
  $ sluice runs answer <token> '{ "ok": true }'
  $ sluice runs resume nightly`;

export function runsCommand(io: Io): Command {
  const group = new Command("runs")
    .summary("list, answer and resume the runs that a journal keeps")
    .description('Shows and resumes the runs of a journal of "sluice/journal".')
    .addHelpText("after", HELP);
  for (const make of commands) group.addCommand(withJournalOptions(make(io)));
  return group;
}
