// sluice trace: summarises or converts a trace.
import { Command } from "commander";
import { counted } from "../view/model/words.js";
import { chromeEvents } from "./chrome-events.js";
import { type Io, quoted, UsageError } from "./io.js";
import { readTrace } from "./read-trace.js";
import { summaryOf } from "./summary.js";
import { besides } from "./view.js";
import { modeOf, writeText } from "./write-page.js";

const HELP = `
Examples:
  $ sluice trace run.jsonl                    how it went, where the time went, what failed
  $ sluice trace run.jsonl --chrome           writes run.trace.json for https://ui.perfetto.dev
  $ sluice trace run.jsonl --chrome --out -   prints it`;

export function traceCommand(io: Io): Command {
  return new Command("trace")
    .summary("sum up a trace in a few lines, or convert it")
    .description("Summarises the runs in a trace, or converts them.")
    .argument("<file>", 'a trace that recordTrace of "sluice/trace" wrote')
    .option("--chrome", "write Chrome trace-event JSON, which Perfetto and chrome://tracing open")
    .option("-o, --out <file>", "where to write it; - prints it (default: beside the trace, as .trace.json)")
    .addHelpText("after", HELP)
    .action((file: string, options: { chrome?: boolean; out?: string }) => trace(file, options, io));
}

async function trace(file: string, options: { chrome?: boolean; out?: string }, io: Io): Promise<void> {
  const { chrome = false, out } = options;
  if (!chrome) {
    if (out !== undefined)
      throw new UsageError("--out with --chrome", "it alone", "Add --chrome to convert the trace.");
    const { model } = await readTrace(file, io, "totals");
    io.out(model.runs.map(summaryOf).join("\n"));
    return;
  }
  const target = out ?? besides(file, ".trace.json");
  if (target === file)
    throw new UsageError("--out to be another file", quoted(file), "Give it a name of its own.");
  const { model } = await readTrace(file, io, "spans");
  const events = chromeEvents(model.runs);
  const json = `{"traceEvents":[\n${events.map((event) => JSON.stringify(event)).join(",\n")}\n],"displayTimeUnit":"ms"}\n`;
  if (target === "-") {
    io.out(json);
    return;
  }
  await writeText(target, json, await modeOf(file));
  io.out(`${target}: ${counted(events.length, "event")}; open it at https://ui.perfetto.dev\n`);
}
