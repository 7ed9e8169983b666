// The number of waiting calls at each gate over time.
import type { RunModel } from "./run-model.js";
import type { GateWait } from "./span.js";

export interface GateQueue {
  readonly gate: string;
  /** Calls that had to wait; one that enters at once does not wait. */
  readonly waits: number;
  /** Milliseconds of all waits, and of the longest. */
  readonly waited: number;
  readonly longest: number;
  /** The maximum of waiting calls, and its time, in ms since the start of the run. */
  readonly most: number;
  readonly mostAt: number;
  /** The most at once in each of equal parts of the run. */
  readonly columns: readonly number[];
}

/** Returns the queue of each gate of a run, the longest first. Reads all spans, so it is computed only on demand. */
export function queuesOf(run: RunModel, columns: number): GateQueue[] {
  const byGate = new Map<string, GateWait[]>();
  for (const { waits } of run.spans.values()) {
    for (const wait of waits) {
      const known = byGate.get(wait.gate);
      if (known === undefined) byGate.set(wait.gate, [wait]);
      else known.push(wait);
    }
  }
  const queues = [...byGate].map(([gate, waits]) => queueOf(gate, waits, run.end, columns));
  return queues.sort((a, b) => b.most - a.most || b.waited - a.waited);
}

function queueOf(gate: string, waits: readonly GateWait[], now: number, columns: number): GateQueue {
  // A wait of 0 ms is counted, but adds no queue.
  const real = waits.map(({ start, end = now }) => ({ start, end })).filter(({ start, end }) => end > start);
  const starts = Float64Array.from(real, ({ start }) => start).sort();
  const ends = Float64Array.from(real, ({ end }) => end).sort();
  const width = now / columns || 1;
  const heights: number[] = new Array(columns).fill(0);
  let [length, column, most, mostAt] = [0, 0, 0, 0];
  /** Fills the columns up to one with the current queue. */
  const drawTo = (to: number): void => {
    for (const last = Math.min(columns - 1, to); column < last; ) {
      column++;
      heights[column] = Math.max(heights[column] as number, length);
    }
  };
  for (let [i, ended] = [0, 0]; ended < ends.length; ) {
    const end = ends[ended] as number;
    const start = starts[i] ?? Number.POSITIVE_INFINITY;
    if (end <= start) {
      drawTo(Math.ceil(end / width) - 1);
      length--;
      ended++;
      continue;
    }
    drawTo(Math.floor(start / width));
    length++;
    i++;
    heights[column] = Math.max(heights[column] as number, length);
    if (length > most) [most, mostAt] = [length, start];
  }
  const times = waits.map(({ start, end = now }) => Math.max(0, end - start));
  const waited = times.reduce((sum, time) => sum + time, 0);
  const longest = times.reduce((longest, time) => Math.max(longest, time), 0);
  return { gate, waits: waits.length, waited, longest, most, mostAt, columns: heights };
}
