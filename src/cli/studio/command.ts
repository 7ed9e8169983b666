// sluice studio: a local page on a journal, a folder of traces and the flows of a config.
import { existsSync, statSync } from "node:fs";
import { Command } from "commander";
import { Exit, type Io, quoted, UsageError } from "../io.js";
import { portOf } from "../local-server.js";
import { readPageParts } from "../page-html.js";
import { type JournalOptions, withJournalIfAny, withJournalOptions } from "../runs/open-journal.js";
import { aborted, StopSignals } from "../stop-signals.js";
import { openOrSay } from "../write-page.js";
import { serveStudio } from "./serve.js";
import { Studio } from "./studio.js";
import { TraceFolder } from "./trace-folder.js";

interface StudioOptions extends JournalOptions {
  readonly traces?: string;
  readonly port?: string;
  readonly open?: boolean;
}

/** The default folder of traces, including those of runs started here. */
const TRACES = "traces";

const HELP = `
The page lists the runs of the journal and of the traces, shows each live, and has a form for
each open question, from the question's schema. With a sluice.config.ts it resumes runs, and
starts flows with a store in JSON; such a run is recorded in the folder of traces, with values.
If another process runs flows on the journal, the page names it.

It is served on this computer only (127.0.0.1), and only under the token in the URL that it
prints: that URL permits all this. Ctrl-C drains the runs: calls in flight end. A second Ctrl-C
aborts them. The runs can be resumed later.

Exit codes: 0 ended, 2 wrong usage, 130 or 143 after a second signal.

Examples:
  $ sluice studio --open
  $ sluice studio --journal runs.db --traces logs
  $ sluice studio --port 4000`;

export const studioCommand = (io: Io): Command =>
  withJournalOptions(
    new Command("studio")
      .summary("show all runs on a local page, answer their questions, resume them")
      .description("Serves a local page with all runs, their questions and the possible actions.")
      .option("--traces <folder>", `the folder of traces (default: ${TRACES})`),
  )
    .option("--port <number>", "the port (default: one that is free)")
    .option("--open", "open the page")
    .addHelpText("after", HELP)
    .action((options: StudioOptions) => startStudio(options, io));

async function startStudio(options: StudioOptions, io: Io): Promise<void> {
  const port = portOf(options.port);
  const path = folderOf(options.traces);
  await withJournalIfAny(options, async (opened, config) => {
    if (opened === undefined && config === undefined && !existsSync(path)) {
      const advice = "Go to the folder of sluice.config.ts, or give --journal or --traces.";
      throw new UsageError(`a journal, a config or a folder ${quoted(path)} here`, "none of them", advice);
    }
    const stop = new StopSignals(io);
    try {
      const { drain, signal } = stop;
      const traces = new TraceFolder(path, drain);
      const studio = new Studio({ opened, config, traces, drain, signal });
      const [page, run] = await Promise.all([readPageParts("studio"), readPageParts()]);
      const server = await serveStudio(studio, traces, { studio: page, run }, port);
      try {
        io.out(`${server.url} is the studio, for you alone. Ctrl-C ends it.\n`);
        if (options.open) await openOrSay(server.url, io);
        await aborted(drain);
        await studio.ended();
      } finally {
        await server.close();
      }
      if (signal.aborted) throw new Exit(stop.exitCode);
    } finally {
      stop.end();
    }
  });
}

/** The folder of traces. @throws UsageError if a given folder does not exist. */
function folderOf(given: string | undefined): string {
  const path = given ?? TRACES;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined && given === undefined) return path;
  if (stats?.isDirectory()) return path;
  const got = stats === undefined ? quoted(path) : `the file ${quoted(path)}`;
  throw new UsageError("a folder of traces", got, "Make it first, or name another.");
}
