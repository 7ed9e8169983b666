// The activities of a step or an item over time: waiting at a gate, an attempt, or waiting for the next attempt.
import { attemptsOf, type Outcome, type Span } from "./span.js";

export type Doing = "gate" | "attempt" | "backoff";

export interface Segment {
  readonly doing: Doing;
  readonly start: number;
  readonly end: number;
  /** Of an attempt. */
  readonly outcome: Outcome;
}

/** The parts of a span in the order in which they are painted: waits, then what was done. */
export function segmentsOf(span: Span, now: number): Segment[] {
  const segments: Segment[] = [];
  const until = span.end ?? now;
  const attempts = attemptsOf(span);
  for (const [i, attempt] of attempts.entries()) {
    const end = attempt.end ?? until;
    if (attempt.wait !== undefined) {
      const next = attempts[i + 1]?.start ?? until;
      segments.push({
        doing: "backoff",
        start: end,
        end: Math.min(next, end + attempt.wait, until),
        outcome: "running",
      });
    }
    segments.push({ doing: "attempt", start: attempt.start, end, outcome: attempt.outcome });
  }
  for (const wait of span.waits) {
    segments.push({ doing: "gate", start: wait.start, end: wait.end ?? until, outcome: "running" });
  }
  for (const attempt of attempts) {
    for (const wait of attempt.waits) {
      segments.push({ doing: "gate", start: wait.start, end: wait.end ?? until, outcome: "running" });
    }
  }
  return segments;
}

/** Sums of the parts of a span. */
export function shares(span: Span, now: number): Record<Doing, number> {
  const sums = { gate: 0, attempt: 0, backoff: 0 };
  for (const { doing, start, end } of segmentsOf(span, now)) sums[doing] += Math.max(0, end - start);
  return sums;
}
