// sluice runs: the runs of a journal, listed, shown, answered, gone on with, cancelled and deleted.
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
The journal is the one of --journal, else of the environment's SLUICE_JOURNAL, else of
sluice.config.ts in this folder, which also has the flows that sluice runs resume goes on with:

  export default {
    journal: "runs.db",
    flows: { Approvals: () => createFlow(deps) },
  };

The name of a flow there is the name of the flow itself. Keys of the store that no journal keeps are
given by Approvals: { flow: () => createFlow(deps), shared: () => ({ client }) }. journal may also be
a URL, an open journal, or a function that gives one; a path in it starts from the config's folder.
The endings .mts, .cts, .js, .mjs and .cjs will do too; types need tsx in your project, or a Node
that strips them (22.18 or newer).

Examples:
  $ sluice runs ls --state suspended
  $ sluice runs show nightly
  $ sluice runs answer <token> '{ "ok": true }'
  $ sluice runs resume nightly`;

export function runsCommand(io: Io): Command {
  const group = new Command("runs")
    .summary("list, answer and resume the runs that a journal keeps")
    .description('Looks at the runs that a journal of "sluice/journal" keeps, and goes on with them.')
    .addHelpText("after", HELP);
  for (const make of commands) group.addCommand(withJournalOptions(make(io)));
  return group;
}
