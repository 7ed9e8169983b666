// Counts very many spans by activity in each column of a picture.

import { segmentsOf } from "./segments.js";
import type { Span } from "./span.js";

/** The activities, from the bottom up; `tried` are failed attempts. */
export const CROWD_PARTS = ["attempt", "tried", "gate", "backoff", "other"] as const;
export type CrowdPart = (typeof CROWD_PARTS)[number];

export interface Crowd {
  /** For each activity, the average number of spans in each column. */
  readonly counts: Readonly<Record<CrowdPart, Float64Array>>;
  /** Failures that ended in each column. */
  readonly failed: Uint32Array;
  /** The maximum in one column. */
  readonly most: number;
}

/** Counts spans in `columns` equal parts of the time from `from` to `to`. */
export function countCrowd(
  spans: readonly Span[],
  now: number,
  from: number,
  to: number,
  columns: number,
): Crowd {
  // Each span adds a trapezium to the sums; second differences need two passes instead of one per column.
  const width = (to - from) / columns || 1;
  const make = () => new Float64Array(columns + 2);
  const counts = { attempt: make(), tried: make(), gate: make(), backoff: make(), other: make() };
  const failed = new Uint32Array(columns);
  const add = (into: Float64Array, start: number, end: number, sign: number) => {
    const a = Math.max(0, (start - from) / width);
    const b = Math.min(columns, (end - from) / width);
    if (b <= a) return;
    const [first, last] = [Math.floor(a), Math.min(columns - 1, Math.floor(b))];
    if (first === last) {
      into[first] = (into[first] as number) + sign * (b - a);
      // The columns in `into` are differences, so what is added to one is taken from the next.
      into[first + 1] = (into[first + 1] as number) - sign * (b - a);
      return;
    }
    const head = first + 1 - a;
    const tail = b - last;
    into[first] = (into[first] as number) + sign * head;
    into[first + 1] = (into[first + 1] as number) + sign * (1 - head);
    into[last] = (into[last] as number) + sign * (tail - 1);
    into[last + 1] = (into[last + 1] as number) - sign * tail;
  };
  for (const span of spans) {
    const end = span.end ?? now;
    if (end < from || span.start > to) continue;
    if (span.outcome === "failed") {
      const column = Math.floor((end - from) / width);
      if (column >= 0 && column < columns) failed[column] = (failed[column] as number) + 1;
    }
    add(counts.other, span.start, end, 1);
    for (const segment of segmentsOf(span, now)) {
      const part = segment.doing === "attempt" && segment.outcome === "failed" ? "tried" : segment.doing;
      add(counts[part], segment.start, segment.end, 1);
      add(counts.other, segment.start, segment.end, -1);
    }
  }
  let most = 0;
  for (let i = 0; i < columns; i++) {
    let sum = 0;
    for (const part of CROWD_PARTS) {
      const values = counts[part];
      if (i > 0) values[i] = (values[i] as number) + (values[i - 1] as number);
      sum += Math.max(0, values[i] as number);
    }
    most = Math.max(most, sum);
  }
  return { counts, failed, most };
}
