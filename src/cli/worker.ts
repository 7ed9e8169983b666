// sluice worker: processes calls of flows that run elsewhere, until a signal.
import { existsSync } from "node:fs";
import { Command } from "commander";
import { type Flow, SluiceError } from "sluice";
import type { Fleet, FleetWorker } from "sluice/bullmq";
import { nameOf } from "sluice/internal";
import { counted } from "../view/model/words.js";
import { Exit, Failure, type Io, quoted, UsageError } from "./io.js";
import { loadConfig, makeFlows, noConfig } from "./load-config.js";
import { loadFlows } from "./load-flows.js";
import { countOf } from "./numbers.js";
import { aborted, StopSignals } from "./stop-signals.js";
import { printable, withoutPasswords } from "./terminal-text.js";

interface WorkerOptions {
  readonly config?: string;
  readonly name?: string;
  readonly concurrency: string;
  readonly connection?: string;
  readonly queue?: string;
  readonly machine?: string;
}

/** Milliseconds between two reports of the worker's activity. */
const HEALTH = 10_000;

const HELP = `
The module exports createFlow() or a flow; without a module, the flows are those of sluice.config.ts.
A worker connects to the fleet that is the executor of the flow's nodes; if there is none, to
--connection and --queue. It prints its activity every 10 s, if there was any.

Ctrl-C or SIGTERM drains it: running calls end, and the others return to the queue. A second signal
ends it at once; other workers repeat its calls.

Exit codes: 0 drained, 1 failed, 2 wrong usage, 130 or 143 after a second signal.

Examples:
  $ sluice worker flow.ts --concurrency 32
  $ sluice worker                               the flows of sluice.config.ts
  $ sluice worker flow.ts --connection redis://10.0.0.5:6379 --queue summaries`;

export const workerCommand = (io: Io): Command =>
  new Command("worker")
    .summary("run calls of flows on other machines")
    .description("Takes calls from the queue of a fleet and runs them in this process.")
    .argument("[module]", "a .js or .ts module that exports createFlow() or a flow")
    .option("-n, --name <flow>", "only this export, or this flow of the config")
    .option("--config <file>", "the config (default: sluice.config.ts in this folder)")
    .option("-c, --concurrency <number>", "the most calls at once", "16")
    .option("--connection <url>", "the URL of Redis")
    .option("--queue <name>", "the name of the queue")
    .option("--machine <name>", "the name of this machine in errors (default: host and process)")
    .addHelpText("after", HELP)
    .action((path: string | undefined, options: WorkerOptions) => work(path, options, io));

async function work(path: string | undefined, options: WorkerOptions, io: Io): Promise<void> {
  const concurrency = countOf(options.concurrency, "--concurrency");
  const { machine } = options;
  const flows = await flowsOf(path, options);
  const stop = new StopSignals(io);
  let health: NodeJS.Timeout | undefined;
  try {
    const workers: FleetWorker[] = [];
    for (const [fleet, own] of await fleetsOf(flows, options)) {
      workers.push(await fleet.work(own, { concurrency, machine }));
      const names = own.map((flow) => printable(nameOf(flow))).join(", ");
      io.out(`takes calls of ${names} from the queue ${printable(fleet.queue)}, ${concurrency} at once\n`);
    }
    health = reportEvery(HEALTH, workers, io);
    await aborted(stop.drain);
    const killed = aborted(stop.signal).then(() => {
      throw new Exit(stop.exitCode);
    });
    await Promise.race([Promise.all(workers.map((worker) => worker.close())), killed]);
    const done = workers.reduce((sum, worker) => sum + worker.stats().done, 0);
    io.out(`drained after ${counted(done, "call")}\n`);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    throw new Failure(`${withoutPasswords(error.message)} (${error.code})`);
  } finally {
    clearInterval(health);
    stop.end();
  }
}

/** The flows of a file, or the flow of the config with this name. */
async function flowsOf(path: string | undefined, options: WorkerOptions): Promise<Flow[]> {
  const isFile = path !== undefined && (existsSync(path) || /[\\/]|\.[cm]?[jt]sx?$/.test(path));
  if (isFile && options.config !== undefined)
    throw new UsageError("a module, or --config", "both", "Leave one of them out.");
  if (isFile) return (await loadFlows(path, options.name, true)).map(({ flow }) => flow);
  const config = await loadConfig(options.config);
  if (config === undefined) throw noConfig();
  return (await makeFlows(config, path ?? options.name)).map(({ flow }) => flow);
}

/** The fleets of the flows. */
async function fleetsOf(flows: readonly Flow[], options: WorkerOptions): Promise<Map<Fleet, Flow<never>[]>> {
  const { Fleet: FleetClass } = await import("sluice/bullmq");
  const { connection, queue } = options;
  const fleets = new Map<Fleet, Flow<never>[]>();
  if (connection !== undefined && queue !== undefined) {
    return fleets.set(new FleetClass({ connection, queue }), flows as unknown as Flow<never>[]);
  }
  if (connection !== undefined || queue !== undefined) {
    const got = connection === undefined ? "--queue alone" : "--connection alone";
    throw new UsageError("--connection and --queue", got, "Give both, or neither.");
  }
  for (const flow of flows as unknown as Flow<never>[]) {
    const own = FleetClass.of(flow);
    if (own.length === 0) {
      const advice = "Give it one, new Fleet({ connection, queue }), or name --connection and --queue.";
      throw new UsageError("a node with a Fleet as its executor", `none in ${quoted(nameOf(flow))}`, advice);
    }
    for (const fleet of own) fleets.set(fleet, [...(fleets.get(fleet) ?? []), flow]);
  }
  return fleets;
}

/** Prints the activity of workers when it has changed. */
function reportEvery(ms: number, workers: readonly FleetWorker[], io: Io): NodeJS.Timeout {
  let last = "";
  return setInterval(() => {
    const total = { running: 0, waiting: 0, done: 0 };
    for (const worker of workers) {
      const { running, waiting, done } = worker.stats();
      total.running += running;
      total.waiting += waiting;
      total.done += done;
    }
    const line = `running ${total.running}, waiting ${total.waiting}, done ${total.done}\n`;
    if (line !== last) io.out(line);
    last = line;
  }, ms);
}
