// sluice graph: draws the flows of a module or of the config, without running them.
import { existsSync } from "node:fs";
import { parse } from "node:path";
import { Command } from "commander";
import { toJSON, toMermaid } from "sluice/diagram";
import { counted } from "../view/model/words.js";
import { type Io, quoted, UsageError } from "./io.js";
import { loadConfig, makeFlows } from "./load-config.js";
import { loadFlows, type NamedFlow } from "./load-flows.js";
import { makeFlows as makeFlowsOf } from "./make-flows.js";
import { pageHtml, readPageParts } from "./page-html.js";
import { writePage, writeText } from "./write-page.js";

interface GraphOptions {
  readonly config?: string;
  readonly name?: string;
  readonly call?: string | true;
  readonly deps?: string;
  readonly direction: string;
  readonly page?: boolean;
  readonly open?: boolean;
  readonly out?: string;
}

const HELP = `
The module is loaded, with the side effects of its import; its flows are not run. With --call, an
exported function that makes a flow is called, without its clients and settings, on which hardly
any graph depends; without a name, all functions named create…Flow are called.
Without a module, the flows of sluice.config.ts are made and drawn: see sluice runs --help.
A .ts module needs tsx in your project, or a Node that strips types (22.18 or newer).

Examples:
  $ sluice graph flow.ts                        prints Mermaid: paste it into a README
  $ sluice graph flow.ts --name reviewFlow      draws one export
  $ sluice graph flow.ts --call createFlow      draws the flow that this function makes
  $ sluice graph flow.ts --direction TD --out flow.mmd
  $ sluice graph flow.ts --open                 the graph as a page
  $ sluice graph                                the flows of sluice.config.ts
  $ sluice graph Approvals                      one of them`;

export function graphCommand(io: Io): Command {
  return new Command("graph")
    .summary("draw the flows of a module or of the config, as Mermaid or as a page")
    .description("Draws every flow that a module exports, or that the config has.")
    .argument("[module]", "a .js or .ts module, or the name of a flow of the config")
    .option("-n, --name <export>", "only the flow of this export")
    .option("-c, --call [export]", "the flow that this exported function returns, such as createFlow")
    .option("--deps <json>", "the first argument of --call, as JSON")
    .option("--config <file>", "the config (default: sluice.config.ts in this folder)")
    .option("-d, --direction <LR|TD>", "to the right or down", "LR")
    .option("--page", "write a page in place of Mermaid")
    .option("--open", "write a page and open it")
    .option(
      "-o, --out <file>",
      "write there (default: print the Mermaid; the page goes to <module or flow>.html)",
    )
    .addHelpText("after", HELP)
    .action((path: string | undefined, options: GraphOptions) => graph(path, options, io));
}

async function graph(path: string | undefined, options: GraphOptions, io: Io): Promise<void> {
  const { direction, open = false, page = open, out } = options;
  if (direction !== "LR" && direction !== "TD") {
    throw new UsageError("--direction to be LR or TD", quoted(direction), "LR draws to the right, TD down.");
  }
  const flows = await flowsOf(path, options, io);
  if (page) {
    const [first, ...more] = flows as [NamedFlow, ...NamedFlow[]];
    if (more.length > 0) {
      const names = flows.map(({ name }) => name).join(", ");
      throw new UsageError("--name of one flow for a page", names, "Choose one of them.");
    }
    const lines = [JSON.stringify({ type: "graph", id: 1, graph: toJSON(first.flow) })];
    const html = pageHtml(await readPageParts(), lines);
    await writePage(out ?? `${fileName(path, first)}.html`, html, `the flow ${first.name}`, open, io);
    return;
  }
  const draw = ({ name, flow }: NamedFlow) =>
    // Mermaid accepts a comment only after the first line, and one diagram needs none.
    flows.length === 1 ? toMermaid(flow, { direction }) : `%% ${name}\n${toMermaid(flow, { direction })}`;
  const text = flows.map(draw).join("\n");
  if (out === undefined) io.out(text);
  else {
    await writeText(out, text);
    io.out(`${out}: ${counted(flows.length, "flow")}\n`);
  }
}

/** The flows of a file, or the flow of the config with this name; a name that looks like a file is not one. */
async function flowsOf(given: string | undefined, options: GraphOptions, io: Io): Promise<NamedFlow[]> {
  const isFile = given !== undefined && (existsSync(given) || /[\\/]|\.[cm]?[jt]sx?$/.test(given));
  if (isFile && options.config !== undefined) {
    const advice = "Leave one of them out.";
    throw new UsageError("a module, or --config", "both", advice);
  }
  if (options.call !== undefined) {
    if (given === undefined || options.name !== undefined) {
      const got = given === undefined ? "no module" : "--name too";
      throw new UsageError(
        "--call with a module, and without --name",
        got,
        "Write sluice graph flow.ts --call",
      );
    }
    return makeFlowsOf(given, options.call, options.deps, io);
  }
  if (options.deps !== undefined) throw new UsageError("--deps with --call", "it alone", "Add --call.");
  if (isFile) return loadFlows(given, options.name);
  const config = await loadConfig(options.config);
  if (config !== undefined) return makeFlows(config, given ?? options.name);
  if (given !== undefined) return loadFlows(given, options.name);
  throw new UsageError("a module, or sluice.config.ts in this folder", "neither", "Name a module.");
}

/** The name of a flow's page: that of its module, or of the flow in the config. */
const fileName = (path: string | undefined, { name }: NamedFlow): string =>
  path !== undefined && existsSync(path) ? parse(path).name : name.replace(/[^\w.-]+/g, "-");
