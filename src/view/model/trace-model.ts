// All runs of a trace, built line by line.
import { type EventLine, parseLine, type Writer } from "../../wings/trace/parse-line.js";
import { cutValues, type LateValues } from "./late-values.js";
import { RunModel } from "./run-model.js";
import type { Cut } from "./span.js";

interface TraceModelOptions {
  /** Whether spans are forgotten when they end: for totals, in bounded memory. @default false */
  readonly forgets?: boolean;
  /** Whether values are read only when one is wanted; a line that is broken within them is then not found out. @default false */
  readonly late?: boolean;
}

export class TraceModel {
  readonly runs: RunModel[] = [];
  /** The newest run of each id: an id may come again. */
  readonly #byId = new Map<string, RunModel>();
  /** The process that wrote it last, where the trace says so. */
  writer: Writer | undefined;
  /** By their numbers in the file. */
  readonly graphs = new Map<number, unknown>();
  readonly #forgets: boolean;
  readonly #late: boolean;

  constructor({ forgets = false, late = false }: TraceModelOptions = {}) {
    this.#forgets = forgets;
    this.#late = late;
  }

  /** Takes one line of the file. @returns What is wrong with it, if anything. */
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

  /** Says that no line will come any more. @param as - What is to be said of that which has no end. */
  close(as: Cut): void {
    for (const run of this.runs) run.cut(as);
  }

  #event(line: EventLine, late?: LateValues): void {
    // Runs that go on at once under one id are distinguished by a number; one after another, by their starts.
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
