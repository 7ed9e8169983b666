// The slots that a caller holds: lookup, keeping and release.

import type { Verdict } from "./refusal-rules.js";
import type { Slot } from "./semaphore.js";

/** A slot that a hook holds, linked to the slots of outer hooks. */
export interface Held {
  readonly gate: object;
  readonly slot: Slot;
  readonly borrowedFrom: Held | undefined;
}

/** Carries slots from one call to the next while no other call waits for them. */
export interface SlotCarrier {
  held?: Held | undefined;
  /** The ticket of the running call, which it keeps after a refusal; written when it starts. */
  ticket?: number | undefined;
  /** The verdict on the failure of the last call; `null` if it was not a refusal. Written by its grant. */
  verdict?: Verdict | null | undefined;
}

/** Lends the slots of a context to nested calls. After that other calls may use them only through the lender. */
export function lend(held: Held | undefined): Held | undefined {
  for (let each = held; each !== undefined; each = each.borrowedFrom) each.slot.lent = true;
  return held;
}

/** The innermost slot of a gate that the caller still holds, before `until`. */
export function slotOf(gate: object, held: Held | undefined, until?: Held): Slot | undefined {
  for (let each = held; each !== undefined && each !== until; each = each.borrowedFrom) {
    const { slot } = each;
    if (each.gate === gate && !slot.released) return slot;
  }
  return undefined;
}

/** Releases the slots taken since `borrowedFrom`, except those of one gate; returns the kept slots. */
export function keepSlotsOf(gate: object, held: Held | undefined, borrowedFrom: Held | undefined) {
  const own: Held[] = [];
  for (let each = held; each !== borrowedFrom && each !== undefined; each = each.borrowedFrom) own.push(each);
  let kept = borrowedFrom;
  for (const each of own.reverse()) {
    if (each.gate === gate) kept = { gate, slot: each.slot, borrowedFrom: kept };
    else each.slot.release();
  }
  return kept === borrowedFrom ? undefined : kept;
}

/** Releases the slots taken since `borrowedFrom`. */
export function releaseSlots(held: Held | undefined, borrowedFrom: Held | undefined): void {
  for (let each = held; each !== borrowedFrom && each !== undefined; each = each.borrowedFrom) {
    each.slot.release();
  }
}

/** Releases the slots that a worker carries. */
export function releaseCarried(carrier: SlotCarrier, borrowedFrom: Held | undefined): void {
  const { held } = carrier;
  if (held === undefined) return;
  carrier.held = undefined;
  releaseSlots(held, borrowedFrom);
}
