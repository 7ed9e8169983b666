// The events of a batch's items: a span for each, and the progress of all.
import { now } from "../base/clock.js";
import { emitEvent, listensTo } from "../observe/events.js";
import type { Watch } from "../observe/watch.js";
import type { Named, Scope } from "./scope.js";
import type { Worker } from "./worker.js";

/** Wraps a step for listeners and hooks. */
export function wrapStep(watch: Watch, node: Named, scope: Scope, work: (inner: Scope) => unknown): unknown {
  return watch.wrap({
    kind: "step",
    node,
    place: scope,
    index: scope.index,
    more: (action) => ({ action }),
    execute: (span) => work(scope.with(scope.cancellation, span)),
  });
}

/** Wraps an item, or an iteration of a batch flow, for listeners and hooks. */
export function wrapItem(
  watch: Watch,
  node: { readonly name: string },
  scope: Scope,
  input: unknown,
  index: number,
  worker: Worker,
  work: (inner: Scope) => unknown,
): unknown {
  worker.releaseSlots(scope.run.held); // hooks may wait, and may use the gate
  worker.tries = 1; // an error of a hook decides the item
  return watch.wrap({
    kind: "item",
    node,
    place: scope,
    index,
    input,
    more: () => ({ attempts: worker.tries }),
    execute: (span) => work(scope.with(scope.cancellation, span)),
  });
}

/** Counts items for listeners of `progress`; `undefined` without listeners. */
export function progressOf(
  items: object,
  scope: Scope,
  node: { readonly name: string },
): ((hasFailed: boolean) => void) | undefined {
  const { events } = scope.run;
  if (!listensTo(events, "progress")) return undefined;
  const { length, size } = items as { readonly length?: unknown; readonly size?: unknown };
  const total = [length, size].find((count) => typeof count === "number") as number | undefined;
  const began = now();
  let done = 0;
  let failed = 0;
  return (hasFailed) => {
    done++;
    if (hasFailed) failed++;
    const at = now();
    const rate = (done * 1_000) / Math.max(1, at - began);
    const remaining = total === undefined ? undefined : ((total - done) * 1_000) / rate;
    emitEvent(events, {
      type: "progress",
      ...scope.eventFields(node, at),
      done,
      failed,
      total,
      rate,
      remaining,
    });
  };
}
