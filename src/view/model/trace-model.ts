// All runs of a trace, built line by line.
import { type EventLine, parseLine, type Writer } from "../../wings/trace/parse-line.js";
import { cutValues, type LateValues } from "./late-values.js";
import { RunModel } from "./run-model.js";
import type { Cut } from "./span.js";

interface TraceModelOptions {
  /** Whether to drop ended spans: for totals, in bounded memory. @default false */
  readonly forgets?: boolean;
  /** Whether to parse values lazily; lines with invalid values are then not reported. @default false */
  readonly late?: boolean;
}

export class TraceModel {
  readonly runs: RunModel[] = [];
  /** The newest run of each id, because an id may be reused. */
  readonly #byId = new Map<string, RunModel>();
  /** The last process that wrote the trace, if known. */
  writer: Writer | undefined;
  /** By their numbers in the file. */
  readonly graphs = new Map<number, unknown>();
  readonly #forgets: boolean;
  readonly #late: boolean;

  constructor({ forgets = false, late = false }: TraceModelOptions = {}) {
    this.#forgets = forgets;
    this.#late = late;
  }

  /** Adds one line of the file. @returns The problem of an invalid line. */
  add(text: string): string | undefined {
    const cut = this.#late ? cutValues(text) : undefined;
    if (cut !== undefined) {
      const parsed = parseLine(cut.head);
      if (parsed.kind === "event") {
        this.#event(parsed.line, cut.late);
        return undefined;
      }
    }
    const parsed = parseLine(text);
    if (parsed.kind === "bad") return parsed.reason;
    if (parsed.kind === "trace") this.writer = parsed.writer;
    if (parsed.kind === "graph") this.graphs.set(parsed.id, parsed.graph);
    if (parsed.kind === "event") this.#event(parsed.line);
    return undefined;
  }

  /** Ends the trace. @param as - The state of spans without an end. */
  close(as: Cut): void {
    for (const run of this.runs) run.cut(as);
  }

  #event(line: EventLine, late?: LateValues): void {
    // Concurrent runs with one id are distinguished by a number, successive ones by their starts.
    const id = line.twin === undefined ? line.runId : `${line.twin} ${line.runId}`;
    const known = this.#byId.get(id);
    const isStart = line.type === "run" && line.phase === "start";
    if (known !== undefined && !isStart) {
      known.add(line, late);
      return;
    }
    const run = new RunModel(line, this.graphs.get(line.graph as number), this.#forgets);
    this.runs.push(run);
    this.#byId.set(id, run);
    if (!isStart) run.add(line, late); // the start of the file is missing
  }
}
