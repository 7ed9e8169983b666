// Where a walk yields to the event loop and waits for a slow reader: after a leaf's `prep`, because before it another
// walk could run between a node's `post` and the next node's `prep`.
import { NODE } from "../base/keys.js";
import { backpressure } from "../observe/events.js";
import type { Scope } from "./scope.js";
import type { Step } from "./step.js";
import type { Worker } from "./worker.js";

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

/**
 * What a counted step or item must wait for: the event loop, and then a slow reader. A worker releases its slots here and
 * not in its loop, which V8 would deoptimise at the first wait.
 */
export function yieldIfDue({ run, cancellation }: Scope, worker?: Worker): Promise<void> | undefined {
  const { yields, watch, events } = run;
  const turn = yields.budget <= 0 ? yields.checkClock() : undefined;
  const due = turn ?? (watch && events && backpressure(events, cancellation));
  if (due !== undefined) worker?.releaseSlots(run.held); // a slow reader must not delay other calls at the gate
  return due;
}
