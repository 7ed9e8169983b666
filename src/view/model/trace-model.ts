// All runs of a trace, built line by line.
import { type EventLine, parseLine } from "../../wings/trace/parse-line.js";
import { RunModel } from "./run-model.js";

export class TraceModel {
  readonly runs: RunModel[] = [];
  /** The newest run of each id: an id may come again after its run has ended. */
  readonly #byId = new Map<string, RunModel>();
  /** By their numbers in the file. */
  readonly graphs = new Map<number, unknown>();
  readonly #forgets: boolean;

  /** @param forgets - Whether spans are forgotten when they end: for totals, in bounded memory. */
  constructor(forgets = false) {
    this.#forgets = forgets;
  }

  /** Takes one line of the file. @returns What is wrong with it, if anything. */
  add(text: string): string | undefined {
    const parsed = parseLine(text);
    if (parsed.kind === "bad") return parsed.reason;
    if (parsed.kind === "graph") this.graphs.set(parsed.id, parsed.graph);
    if (parsed.kind === "event") this.#event(parsed.line);
    return undefined;
  }

  #event(line: EventLine): void {
    const known = this.#byId.get(line.runId);
    const isStart = line.type === "run" && line.phase === "start";
    if (known !== undefined && !isStart) {
      known.add(line);
      return;
    }
    const run = new RunModel(line, this.graphs.get(line.graph as number), this.#forgets);
    this.runs.push(run);
    this.#byId.set(line.runId, run);
    if (!isStart) run.add(line); // the start of the file is missing
  }
}
