// Which slots of gates a caller holds: finding them, keeping and releasing them.

import type { Verdict } from "./refusal-rules.js";
import type { Slot } from "./semaphore.js";

/** A slot that a hook holds, and those held around it. */
export interface Held {
  readonly gate: object;
  readonly slot: Slot;
  readonly borrowedFrom: Held | undefined;
}

/** Slots that a worker keeps from one call to the next while no other call waits for them. */
export interface SlotCarrier {
  held?: Held | undefined;
  /** The place in the queues of the call that runs, which it keeps if it is refused; written when it starts. */
  ticket?: number | undefined;
  /** What the gate made of the failure of the last call; `null` for one that is no refusal. Written by its grant. */
  verdict?: Verdict | null | undefined;
}

/** Hands the slots of a context to calls nested in it. From then on no other call may use them as they are. */
export function lend(held: Held | undefined): Held | undefined {
  for (let each = held; each !== undefined; each = each.borrowedFrom) each.slot.lent = true;
  return held;
}

/** The innermost slot of a gate that the caller still holds, up to those of `until`. */
export function slotOf(gate: object, held: Held | undefined, until?: Held): Slot | undefined {
  for (let each = held; each !== undefined && each !== until; each = each.borrowedFrom) {
    const { slot } = each;
    if (each.gate === gate && !slot.released) return slot;
  }
  return undefined;
}

/** Releases slots taken inside `borrowedFrom`, but for those of one gate; gives what is kept. */
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

/** Releases slots taken inside `borrowedFrom`. */
export function releaseSlots(held: Held | undefined, borrowedFrom: Held | undefined): void {
  for (let each = held; each !== borrowedFrom && each !== undefined; each = each.borrowedFrom) {
    each.slot.release();
  }
}

/** Releases the slots that a worker keeps. */
export function releaseCarried(carrier: SlotCarrier, borrowedFrom: Held | undefined): void {
  const { held } = carrier;
  if (held === undefined) return;
  carrier.held = undefined;
  releaseSlots(held, borrowedFrom);
}
