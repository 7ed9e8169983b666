// Calls the hooks of a step that access the store: directly, or through what records them.
import type { Run } from "./run.js";
import type { Step, Wiring } from "./step.js";
import { checkStore } from "./step-checks.js";
import type { StepContext } from "./step-context.js";
import type { StepRecord } from "./step-values.js";

/** Whether a run has nothing that a call of `exec` must be counted or recorded for. */
export const mayBeShort = ({ meter, watch }: Run, record: StepRecord | undefined): boolean =>
  meter === undefined && watch === undefined && record === undefined;

/** Calls `prep`. @throws SluiceError `MISSING_KEYS`. */
export function callPrep(
  node: Step,
  { requires }: Wiring,
  record: StepRecord | undefined,
  shared: unknown,
  ctx: StepContext,
): unknown {
  if (requires !== undefined && !record?.isPrepared) checkStore(node, requires, shared);
  return record === undefined ? node.prep(shared, ctx) : record.prep(node, shared, ctx);
}

/** Calls `post`. */
export function callPost(
  node: Step,
  record: StepRecord | undefined,
  shared: unknown,
  prepared: unknown,
  result: unknown,
  ctx: StepContext,
): unknown {
  if (record === undefined) return node.post(shared, prepared, result, ctx);
  return record.post(node, shared, prepared, result, ctx);
}
