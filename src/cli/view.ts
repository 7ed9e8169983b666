// sluice view: a trace as one page.
import { parse } from "node:path";
import { Command, Option } from "commander";
import { counted } from "../view/model/words.js";
import { type Io, quoted, UsageError } from "./io.js";
import { serveLive } from "./live-server.js";
import { portOf } from "./local-server.js";
import { pageHtml, readPageParts } from "./page-html.js";
import { readTrace } from "./read-trace.js";
import { modeOf, openOrSay, writePage } from "./write-page.js";

interface ViewOptions {
  readonly out?: string;
  readonly open?: boolean;
  readonly live?: boolean;
  readonly port?: string;
}

const HELP = `
The page holds everything and asks no server: mail it, attach it to an issue, keep it.
It shows the graph with the state and time of each node, every step and item on a
timeline with retries and waits at gates, and what is known of each when you click it.

With --live the page comes from this computer only (127.0.0.1), and grows while the run
goes on; the file need not be there yet. Ctrl-C ends it.

Examples:
  $ sluice view run.jsonl               writes run.html
  $ sluice view run.jsonl --open        and opens it
  $ sluice view run.jsonl --out today.html
  $ sluice view run.jsonl --live --open`;

export function viewCommand(io: Io): Command {
  return new Command("view")
    .summary("make one page of a trace, to look at and to pass on")
    .description("Makes one self-contained HTML page of the runs in a trace.")
    .argument("<file>", 'a trace that recordTrace of "sluice/trace" wrote')
    .option("-o, --out <file>", "where to write the page (default: beside the trace, as .html)")
    .option("--open", "open the page")
    .option("--live", "serve the page while the run goes on")
    .addOption(new Option("--port <number>", "the port of --live (default: one that is free)"))
    .addHelpText("after", HELP)
    .action((file: string, options: ViewOptions) => view(file, options, io));
}

async function view(file: string, options: ViewOptions, io: Io): Promise<void> {
  const { out, open = false, live = false, port } = options;
  const parts = await readPageParts();
  if (!live) {
    if (port !== undefined)
      throw new UsageError("--port with --live", "it alone", "Add --live, or leave it out.");
    const target = out ?? besides(file, ".html");
    if (target === file)
      throw new UsageError("--out to be another file", quoted(file), "Give the page a name of its own.");
    const { model, lines, interrupted } = await readTrace(file, io, "lines");
    const [items, failures] = [sum(model.runs, "items"), sum(model.runs, "failures")];
    const failed = failures === 0 ? "nothing failed" : counted(failures, "failure");
    const what = `${counted(model.runs.length, "run")}, ${counted(items, "item")}, ${failed}`;
    await writePage(target, pageHtml(parts, lines, interrupted), what, open, io, await modeOf(file));
    return;
  }
  if (out !== undefined) {
    throw new UsageError(
      "--live without --out",
      "both",
      "Make the page when the run is over: leave out --live.",
    );
  }
  const server = await serveLive(file, parts, portOf(port));
  io.out(`${server.url} shows ${file} as it grows. Ctrl-C ends it.\n`);
  if (open) await openOrSay(server.url, io);
  await server.ended;
}

/** The name of a file beside another: the same, with another ending. */
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
