// Traces written by hand, with times that are known to the millisecond.
import type { RunModel } from "../../src/view/model/run-model.js";
import { TraceModel } from "../../src/view/model/trace-model.js";

interface Line {
  readonly at: number;
  readonly [field: string]: unknown;
}

interface Part {
  readonly kind: "step" | "item" | "attempt";
  readonly id: number;
  readonly parent: number;
  readonly path: readonly (string | number)[];
  readonly from: number;
  /** Nothing goes on. */
  readonly to?: number;
  readonly outcome?: string;
}

/** One run of the flow Main, which ends when it is given an end. Lines come by their times, as in a file. */
function linesOf({ parts, more = [], end, runId = "r" }: HandTrace): string[] {
  const main = { runId, path: ["Main"], id: 1, type: "run" };
  const lines: Line[] = [];
  for (const { kind, id, parent, path, from, to, outcome = "done" } of parts) {
    const index = kind === "item" ? { index: id } : {};
    const part = { type: kind, runId, id, parent, path, ...index };
    lines.push({ ...part, phase: "start", at: from });
    const error = outcome === "failed" ? { error: { name: "Error", message: "no" } } : {};
    if (to !== undefined) lines.push({ ...part, phase: "end", at: to, outcome, ...error });
  }
  const within: Line[] = [...lines, ...more.map((line) => ({ runId, path: [], ...line }))];
  // What ends at a time is written before what begins then.
  const isStart = ({ phase }: Line) => Number(phase === "start");
  within.sort((a, b) => a.at - b.at || isStart(a) - isStart(b));
  const all = [
    { ...main, phase: "start", at: 0 },
    ...within,
    ...(end === undefined ? [] : [{ ...main, phase: "end", at: end, outcome: "done" }]),
  ];
  return all.map((line) => JSON.stringify(line));
}

export interface HandTrace {
  readonly parts: readonly Part[];
  /** Other lines, such as those of gates. */
  readonly more?: readonly Line[];
  readonly end?: number;
  readonly runId?: string;
}

export function runOf(trace: HandTrace): RunModel {
  const model = new TraceModel();
  for (const line of linesOf(trace)) {
    const problem = model.add(line);
    if (problem !== undefined) throw new Error(problem);
  }
  return model.runs[0] as RunModel;
}
