// Where a walk gives the event loop its turn, and waits for a slow reader: after a leaf's `prep`, for before it another
// walk could come between a node's `post` and the next node's `prep`.
import { NODE } from "../base/keys.js";
import { backpressure } from "../observe/events.js";
import type { Scope } from "./scope.js";
import type { Step } from "./step.js";

/**
 * What a step must wait for before its `exec`; `undefined` where there is nothing.
 *
 * @param again - Whether it has waited already.
 */
export function yieldAfterPrep(node: Step, scope: Scope, again: boolean): Promise<void> | undefined {
  const { leaf, batch } = node[NODE];
  // A batch yields before each item, once it has looked at the list: a promise in it may reject in the meantime.
  if (!leaf || batch !== undefined) return undefined;
  return again ? scope.run.yields.yieldAgain() : yieldIfDue(scope);
}

/** What a step or an item, which was counted, must wait for: the event loop, and then a slow reader. */
export function yieldIfDue({ run, cancellation }: Scope): Promise<void> | undefined {
  const { yields, watch, events } = run;
  const turn = yields.budget <= 0 ? yields.checkClock() : undefined;
  return turn ?? (watch && events && backpressure(events, cancellation));
}
