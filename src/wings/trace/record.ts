// recordTrace: an emitter whose events become the lines of a file.
import { write } from "node:fs";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { EventEmitter } from "eventemitter3";
import type { AnyEvent, BaseNode, RunEmitter, RunEvents } from "sluice";
import { toJSON } from "sluice/diagram";
import {
  aBoolean,
  BACKPRESSURE,
  builtInOf,
  checkOptions,
  EVENT_TYPES,
  invalidOption,
  LISTENERS_OF_RUN,
  type Rule,
} from "sluice/internal";
import "./error-codes.js";
import { FileWriter } from "./file-writer.js";
import { feedOf, type Recorder, Twins } from "./run-feed.js";
import { TRACE_VERSION } from "./trace-line.js";
import { lineOf } from "./write-line.js";

/** The options of {@link recordTrace}. */
export interface TraceOptions {
  /**
   * Whether the content of `ctx.emit(data)` is written too: it may be prompts, answers and other people's words.
   * Without it a line tells only that there was data. With it only the owner may read the file (mode 0600). @default false
   */
  readonly data?: boolean | undefined;
}

/** A trace that is being written. */
export interface Trace {
  /** For `run(shared, { events })`, of one run or of many at once. Anybody else may listen to it too. */
  readonly events: RunEmitter;
  /** The file. */
  readonly path: string;
  /**
   * Writes what is left and closes the file; what runs tell later is not written.
   *
   * @throws SluiceError `TRACE_FAILED` if some of it could not be written; the runs themselves never notice.
   */
  close(): Promise<void>;
}

const rules: Record<string, Rule> = { data: aBoolean };

/**
 * Writes runs to a file as JSON lines, one event a line, for `sluice view` and `sluice trace`. A file of that name
 * is replaced.
 *
 * While over a million letters wait for the disk, `await ctx.emit(…)` and the start of further steps, items and
 * attempts wait too, so memory stays bounded. A process that crashes leaves what was written before; one that
 * ends without `close()` leaves everything.
 *
 * @throws SluiceError `TRACE_FAILED` at once for a file that cannot be opened; `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { readFileSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { Flow, node } from "sluice";
 * import { recordTrace } from "sluice/trace";
 *
 * const trace = recordTrace(join(tmpdir(), "sluice-example.jsonl"));
 * await new Flow(node({ name: "Greet" }), { name: "Main" }).run({}, { events: trace.events });
 * await trace.close();
 * const lines = readFileSync(trace.path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
 * lines.map(({ type, phase }) => [type, phase].filter(Boolean).join(" "));
 * // => ["trace", "graph", "run start", "step start", "attempt start", "attempt end", "step end", "run end"]
 * ```
 */
export function recordTrace(path: string | URL, options: TraceOptions = {}): Trace {
  const isPath = (typeof path === "string" && path !== "") || builtInOf(path) === "URL";
  if (!isPath) throw invalidOption("recordTrace()", "path", "the path of a file", path);
  checkOptions("recordTrace()", options, rules);
  const file = typeof path === "string" ? path : fileURLToPath(path);
  const { data = false } = options;
  return traceTo(file, new FileWriter(file, write, data), data);
}

/** The same for a writer that is there already. */
export function traceTo(
  path: string,
  writer: Pick<FileWriter, "write" | "room" | "close">,
  data: boolean,
): Trace {
  const events: RunEmitter = new EventEmitter<RunEvents>();
  const graphs = new WeakMap<object, number | undefined>();
  let counted = 0;
  /** Writes the graph of a node before the first of its runs, and gives its number. */
  const graphOf = (node: object): number | undefined => {
    if (graphs.has(node)) return graphs.get(node);
    let id: number | undefined;
    try {
      const graph = JSON.stringify(toJSON(node as BaseNode));
      id = ++counted;
      writer.write(`{"type":"graph","id":${id},"graph":${graph}}\n`);
    } catch {
      // A node that runs alone has no graph, and the names of another may not want to be read.
    }
    graphs.set(node, id);
    return id;
  };
  const record = (event: AnyEvent, twin?: number) => {
    const graph = event.type === "run" && event.phase === "start" ? graphOf(event.node) : undefined;
    writer.write(lineOf(event, { data, graph, twin }));
  };
  const twins = new Twins();
  const recorderOfRun = (): Recorder => {
    let number = 1;
    return (event) => {
      if (event.type === "run" && event.phase === "start") number = twins.begin(event.runId);
      record(event, number === 1 ? undefined : number);
      if (event.type === "run" && event.phase === "end") twins.end(event.runId, number);
    };
  };
  const shared: Recorder = (event) => record(event);
  for (const type of EVENT_TYPES) if (type !== "usage") events.on(type, shared); // totals of what the lines have
  Object.defineProperty(events, BACKPRESSURE, { value: () => writer.room() });
  Object.defineProperty(events, LISTENERS_OF_RUN, { value: () => feedOf(events, shared, recorderOfRun()) });
  const at = Math.round(performance.now() * 1_000) / 1_000;
  const head = {
    type: "trace",
    version: TRACE_VERSION,
    time: Date.now(),
    at,
    pid: process.pid,
    host: hostname(),
  };
  writer.write(`${JSON.stringify(head)}\n`);
  return { events, path, close: () => writer.close() };
}
