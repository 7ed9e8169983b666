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

/** Where traces are, and where those of runs from here go. */
const TRACES = "traces";

const HELP = `
The page lists the runs of the journal and of the traces, shows each as it goes on, and asks
the questions that runs wait with, by a form of their schema. With a sluice.config.ts it goes
on with runs, and starts flows with a store that is written as JSON; such a run is recorded in
the folder of traces, with values. Where another process runs flows on the journal, it says
which one.

It answers on this computer only (127.0.0.1), and only under the token in the URL that it
prints: who has that URL may do all this. Ctrl-C lets calls in flight end, and a second one
aborts them; runs can go on later.

Exit codes: 0 it was ended, 2 wrong usage, 130 or 143 after a second signal.

Examples:
  $ sluice studio --open
  $ sluice studio --journal runs.db --traces logs
  $ sluice studio --port 4000`;

export const studioCommand = (io: Io): Command =>
  withJournalOptions(
    new Command("studio")
      .summary("look at all runs on a local page, answer their questions, go on with them")
      .description("Serves a page on this computer: runs, their questions, and what can be done about them.")
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

/** @throws UsageError for a folder that is named and not there. */
function folderOf(given: string | undefined): string {
  const path = given ?? TRACES;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined && given === undefined) return path;
  if (stats?.isDirectory()) return path;
  const got = stats === undefined ? quoted(path) : `the file ${quoted(path)}`;
  throw new UsageError("a folder of traces", got, "Make it first, or name another.");
}
