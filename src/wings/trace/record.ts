// recordTrace: an emitter whose events become the lines of a file.
import { write } from "node:fs";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { EventEmitter } from "eventemitter3";
import type { AnyEvent, BaseNode, RunEmitter, RunEvents } from "sluice";
import { toJSON } from "sluice/diagram";
import {
  aBoolean,
  aCount,
  aFunction,
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
import type { Copying, Redact } from "./plain.js";
import { feedOf, type Recorder, Twins } from "./run-feed.js";
import { TRACE_VERSION } from "./trace-line.js";
import { RunValues } from "./values.js";
import { lineOf } from "./write-line.js";

/** The options of {@link recordTrace}. */
export interface TraceOptions {
  /**
   * Whether the content of `ctx.emit(data)` is written, which may be prompts, answers and personal data. Without it
   * lines only show that there was data. With it only the owner can read the file (mode 0600). @default false
   */
  readonly data?: boolean | undefined;
  /**
   * Whether values are written: the result of `prep` and the input of `post` for each step, the input and result of each
   * item, the params of each iteration, the changes of the store, the charges, and the content of data. As with `data`,
   * only the owner can read the file. Each value is copied, which takes time: see the guide. @default false
   */
  readonly values?: boolean | undefined;
  /**
   * Returns the value to write. It is called for each value and all its parts, with a path such as
   * `["store", "user", "password"]`, `["prep"]`, `["input", 0]`, `["result", "text"]`, `["data"]` or
   * `["error", "message"]`. If it throws, the value is left out. @default no change
   */
  readonly redact?: Redact | undefined;
  /** The largest number of letters of a value, or of a key of the store; the rest is cut. @default 20_000 */
  readonly limit?: number | undefined;
}

/** A trace that is being written. */
export interface Trace {
  /** The emitter for the option `events` of one or many runs. Other listeners may be added too. */
  readonly events: RunEmitter;
  /** The file. */
  readonly path: string;
  /**
   * Writes the remaining lines and closes the file; later events are not written.
   *
   * @throws SluiceError `TRACE_FAILED` if a line could not be written; runs are not affected.
   */
  close(): Promise<void>;
}

const rules: Record<string, Rule> = {
  data: aBoolean,
  values: aBoolean,
  redact: aFunction,
  limit: aCount,
};
const DEFAULT_LIMIT = 20_000;

/**
 * Records runs in a file as JSON lines, one event per line, for `sluice view` and `sluice trace`. An existing file is
 * replaced.
 *
 * While over a million letters wait for the disk, `await ctx.emit(…)` and the start of further steps, items and
 * attempts wait too, so memory stays bounded. After a crash the file has the lines so far; a process that
 * ends without `close()` writes all lines.
 *
 * @throws SluiceError `TRACE_FAILED` synchronously if the file cannot be opened; `INVALID_OPTION`, `UNKNOWN_OPTION`.
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
  const { values = false, data = values } = options;
  return traceTo(file, new FileWriter(file, write, data || values), { ...options, data });
}

/** Records to an existing writer. */
export function traceTo(
  path: string,
  writer: Pick<FileWriter, "write" | "room" | "close">,
  { data = false, values = false, redact, limit = values ? DEFAULT_LIMIT : undefined }: TraceOptions,
): Trace {
  const how: Copying = { redact, limit };
  const events: RunEmitter = new EventEmitter<RunEvents>();
  const graphs = new WeakMap<object, number | undefined>();
  let counted = 0;
  /** Writes the graph of a node before its first run, and returns its number. */
  const graphOf = (node: object): number | undefined => {
    if (graphs.has(node)) return graphs.get(node);
    let id: number | undefined;
    try {
      const graph = JSON.stringify(toJSON(node as BaseNode));
      id = ++counted;
      writer.write(`{"type":"graph","id":${id},"graph":${graph}}\n`);
    } catch {
      // A node that runs alone has no graph, and names of a hostile node may throw.
    }
    graphs.set(node, id);
    return id;
  };
  const record = (event: AnyEvent, twin?: number, own?: object) => {
    const graph = event.type === "run" && event.phase === "start" ? graphOf(event.node) : undefined;
    writer.write(lineOf(event, { data, how, graph, twin, values: own }));
  };
  const twins = new Twins();
  const feedOfRun = () => {
    let runId = "";
    let twin: number | undefined;
    const own = values
      ? new RunValues((parent, fields) => {
          const at = Math.round(performance.now() * 1_000) / 1_000;
          writer.write(
            `${JSON.stringify({ type: "values", runId, parent, path: [], at, twin, ...fields })}\n`,
          );
        }, how)
      : undefined;
    const recorder: Recorder = (event) => {
      if (event.type === "run" && event.phase === "start") {
        const number = twins.begin(event.runId);
        runId = event.runId;
        twin = number === 1 ? undefined : number;
      }
      if (event.type === "step" && event.phase === "end") own?.ended(event.id);
      record(event, twin, event.type === "item" ? own?.take(event.id) : undefined);
      if (event.type === "run" && event.phase === "end") twins.end(event.runId, twin ?? 1);
    };
    return feedOf(events, shared, recorder, own);
  };
  const shared: Recorder = (event) => record(event);
  // Without values, `usage` has only totals that follow from the other lines.
  for (const type of EVENT_TYPES) if (values || type !== "usage") events.on(type, shared);
  Object.defineProperty(events, BACKPRESSURE, { value: () => writer.room() });
  Object.defineProperty(events, LISTENERS_OF_RUN, { value: feedOfRun });
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
