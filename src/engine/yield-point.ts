// Where a walk yields to the event loop and waits for a slow reader: after a leaf's `prep`, because before it another
// walk could run between a node's `post` and the next node's `prep`.
import { NODE } from "../base/keys.js";
import { backpressure } from "../observe/events.js";
import type { Scope } from "./scope.js";
import type { Step } from "./step.js";
import { NO_RESULT, type Worker } from "./worker.js";

/**
 * What a step must wait for before its `exec`, if anything.
 *
 * @param again - Whether it has waited already.
 */
export function yieldAfterPrep(node: Step, scope: Scope, again: boolean): Promise<void> | undefined {
  const { leaf, batch } = node[NODE];
  // A batch yields before each item, after it has checked the list: a promise in the list may reject in the meantime.
  if (!leaf || batch !== undefined) return undefined;
  return again ? scope.run.yields.yieldAgain() : yieldIfDue(scope);
}

/** What a counted step or item must wait for: the event loop, and then a slow reader. */
export function yieldIfDue({ run, cancellation }: Scope): Promise<void> | undefined {
  const { yields, watch, events } = run;
  const turn = yields.budget <= 0 ? yields.checkClock() : undefined;
  return turn ?? (watch && events && backpressure(events, cancellation));
}

/** The same for a worker before its next item, without the slots that it carries: other calls at the gate go on. */
export function pauseIfDue(scope: Scope, worker: Worker): Promise<typeof NO_RESULT> | undefined {
  const due = yieldIfDue(scope);
  if (due === undefined) return undefined;
  worker.releaseSlots(scope.run.held);
  return due.then(() => NO_RESULT);
}
