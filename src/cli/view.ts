// sluice view: shows a trace as a page.
import { parse } from "node:path";
import { Command, Option } from "commander";
import { counted } from "../view/model/words.js";
import { type Io, quoted, UsageError } from "./io.js";
import { serveLive } from "./live-server.js";
import { portOf } from "./local-server.js";
import { pageHtml, readPageParts } from "./page-html.js";
import { checkSize, type ReadTrace, readTrace } from "./read-trace.js";
import { modeOf, openOrSay, writePage } from "./write-page.js";

interface ViewOptions {
  readonly out?: string;
  readonly open?: boolean;
  readonly live?: boolean;
  readonly port?: string;
}

const HELP = `
The page is one self-contained file: mail it, attach it to an issue, keep it. It shows
the graph with the state and time of each node, and every step and item on a timeline
with retries and waits at gates; a click on one shows its details.

With --live the page is served on this computer only (127.0.0.1), and follows the run;
the file need not exist yet. Ctrl-C ends it.

Examples:
  $ sluice view run.jsonl               writes run.html
  $ sluice view run.jsonl --open        and opens it
  $ sluice view run.jsonl --out today.html
  $ sluice view old.jsonl new.jsonl --out both.html    to compare their runs
  $ sluice view run.jsonl --live --open`;

export function viewCommand(io: Io): Command {
  return new Command("view")
    .summary("make a self-contained page of a trace")
    .description("Makes one self-contained HTML page of the runs in a trace.")
    .argument("<file>", 'a trace that recordTrace of "sluice/trace" wrote')
    .argument("[more...]", "other traces, to compare their runs")
    .option("-o, --out <file>", "where to write the page (default: beside the trace, as .html)")
    .option("--open", "open the page")
    .option("--live", "serve the page while the run goes on")
    .addOption(new Option("--port <number>", "the port of --live (default: one that is free)"))
    .addHelpText("after", HELP)
    .action((file: string, more: string[], options: ViewOptions) => view([file, ...more], options, io));
}

async function view(files: readonly [string, ...string[]], options: ViewOptions, io: Io): Promise<void> {
  const { out, open = false, live = false, port } = options;
  const [file, ...more] = files;
  if (!live) {
    if (port !== undefined)
      throw new UsageError("--port with --live", "it alone", "Add --live, or leave it out.");
    await makePage(files, out, open, io);
    return;
  }
  if (more.length > 0) {
    throw new UsageError(
      "one file with --live",
      counted(files.length, "file"),
      "Leave out --live to compare runs.",
    );
  }
  if (out !== undefined) {
    throw new UsageError(
      "--live without --out",
      "both",
      "Omit --live, and make the page when the run is over.",
    );
  }
  const server = await serveLive(file, await readPageParts(), portOf(port));
  io.out(`${server.url} shows ${file} as it grows. Ctrl-C ends it.\n`);
  if (open) await openOrSay(server.url, io);
  await server.ended;
}

/** Creates one page of the runs in some files. */
async function makePage(
  files: readonly [string, ...string[]],
  out: string | undefined,
  open: boolean,
  io: Io,
): Promise<void> {
  const [file, ...more] = files;
  if (out === undefined && more.length > 0) {
    throw new UsageError("--out with several files", "none", "Give the page a name: --out both.html");
  }
  const target = out ?? besides(file, ".html");
  if (files.includes(target))
    throw new UsageError("--out to be another file", quoted(target), "Give the page a name of its own.");
  await checkSize(file, ...more);
  const traces: ReadTrace[] = [];
  for (const each of files) traces.push(await readTrace(each, io, "lines"));
  // Each file has its graphs before its runs, so that concatenated files are one trace.
  const lines = traces.flatMap((trace) => trace.lines);
  const runs = traces.flatMap(({ model }) => model.runs);
  const [items, failures] = [sum(runs, "items"), sum(runs, "failures")];
  const failed = failures === 0 ? "nothing failed" : counted(failures, "failure");
  const what = `${counted(runs.length, "run")}, ${counted(items, "item")}, ${failed}`;
  const interrupted = traces.every((trace) => trace.interrupted);
  const html = pageHtml(await readPageParts(), lines, interrupted);
  const modes = await Promise.all(files.map(modeOf));
  // The page is as private as the most private file.
  const mode = modes.reduce((all, each) => all & each);
  await writePage(target, html, what, open, io, mode);
}

/** The path of a file with another extension. */
export function besides(file: string, ending: string): string {
  const { dir, name } = parse(file);
  return dir === "" ? `${name}${ending}` : `${dir}${dir.endsWith("/") ? "" : "/"}${name}${ending}`;
}

function sum(
  runs: readonly { items: number; failures: readonly unknown[] }[],
  what: "items" | "failures",
): number {
  return runs.reduce((total, run) => total + (what === "items" ? run.items : run.failures.length), 0);
}
