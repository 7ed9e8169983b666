// Events of attempts in other processes.
import { now } from "../base/clock.js";
import { emitEvent, listensTo } from "../observe/events.js";
import type { Call } from "./execute.js";
import type { AnswerDetails } from "./executor.js";

/** A report of one call of `exec` in another process, for the run's events. */
export interface AttemptReport {
  /** Milliseconds from its start to the answer. */
  readonly ago: number;
  /** Its duration in milliseconds. */
  readonly duration: number;
  /** Its error, if it failed. */
  readonly error?: unknown;
  /** Milliseconds before the next attempt. */
  readonly wait?: number | undefined;
}

/** Emits the events of attempts, if they have listeners. */
export function reportAttempts({ node, scope, index }: Call, { attempts }: AnswerDetails): void {
  const { events, watch } = scope.run;
  if (typeof attempts !== "object" || watch === undefined || !listensTo(events, "attempt")) return;
  const answered = now();
  for (const [attempt, { ago, duration, error, wait }] of attempts.entries()) {
    const began = answered - ago;
    const own = {
      type: "attempt",
      ...scope.eventFields(node, began, index),
      id: watch.nextSpan(),
      attempt,
    } as const;
    emitEvent(events, { ...own, phase: "start" });
    const outcome = error === undefined ? "done" : "failed";
    emitEvent(events, { ...own, phase: "end", at: began + duration, duration, outcome, error, wait });
  }
}
