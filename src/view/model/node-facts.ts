// Statistics of the visits and items of one node, for the panel beside the graph.
import type { RunModel } from "./run-model.js";
import { shares } from "./segments.js";
import { attemptsOf, durationOf, type Span } from "./span.js";
import type { ViewNode } from "./view-node.js";

export interface NodeFacts {
  /** Its items if it has any, otherwise its visits. */
  readonly spans: readonly Span[];
  readonly areItems: boolean;
  readonly failed: number;
  readonly running: number;
  /** The number of attempts beyond the first, and of spans with one. */
  readonly retries: number;
  readonly retried: number;
  /** Milliseconds: the minimum, the median, the 95th percentile, the maximum. */
  readonly durations: {
    readonly least: number;
    readonly middle: number;
    readonly p95: number;
    readonly most: number;
  };
  readonly waited: number;
  readonly backedOff: number;
  /** The histogram of durations, in equal parts from the minimum to the maximum. */
  readonly histogram: readonly number[];
}

const COLUMNS = 32;

/** Reads all spans of a run, so it is computed only on demand. */
export function factsOf(run: RunModel, node: ViewNode): NodeFacts {
  const now = run.end;
  const own = [...run.spans.values()].filter((span) => span.node === node);
  const items = own.filter(({ kind }) => kind === "item");
  const spans = items.length > 0 ? items : own.filter(({ kind }) => kind === "step" || kind === "run");
  const durations = spans.map((span) => durationOf(span, now)).sort((a, b) => a - b);
  const at = (share: number) =>
    durations[Math.min(durations.length - 1, Math.floor(share * durations.length))] ?? 0;
  const [least, most] = [at(0), at(1)];
  const histogram: number[] = new Array(COLUMNS).fill(0);
  for (const duration of durations) {
    const column = Math.min(COLUMNS - 1, Math.floor(((duration - least) / (most - least || 1)) * COLUMNS));
    histogram[column] = (histogram[column] as number) + 1;
  }
  let [failed, running, retries, retried, waited, backedOff] = [0, 0, 0, 0, 0, 0];
  for (const span of spans) {
    if (span.outcome === "failed") failed++;
    if (span.outcome === "running") running++;
    // A try after a refusal has the same number, and is not another attempt.
    const again = attemptsOf(span).filter(({ attempt = 0 }) => attempt > 0).length;
    retries += again;
    if (again > 0) retried++;
    const { gate, backoff } = shares(span, now);
    waited += gate;
    backedOff += backoff;
  }
  const middle = at(0.5);
  return {
    spans,
    areItems: items.length > 0,
    failed,
    running,
    retries,
    retried,
    durations: { least, middle, p95: at(0.95), most },
    waited,
    backedOff,
    histogram,
  };
}
