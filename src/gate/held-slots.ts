// Which slots of gates a caller holds: taking them, borrowing them from around, letting them go.
import type { Cancellation } from "../base/cancellation.js";
import type { Semaphore, Slot } from "./semaphore.js";

/** A slot that a hook holds, and those held around it. */
export interface Held {
  readonly gate: object;
  readonly slot: Slot;
  readonly borrowedFrom: Held | undefined;
}

/** Slots that a worker keeps from one call to the next while nobody else waits for them. */
export interface SlotCarrier {
  held?: Held | undefined;
}

/** What has slots, or none. */
interface Slotted {
  readonly semaphore: Semaphore | undefined;
}

/**
 * Takes a slot of each gate that has slots, in order; those of gates that `around` holds are borrowed.
 *
 * @param drop - What cleans up where the wait is abandoned, as in waitFor.
 */
export async function takeSlots(
  gates: readonly Slotted[],
  borrowedFrom: Held | undefined,
  cancellation: Cancellation | undefined,
  onAbandon: (() => void) | undefined,
): Promise<Held | undefined> {
  let held = borrowedFrom;
  const release =
    onAbandon &&
    (() => {
      releaseSlots(held, borrowedFrom);
      onAbandon();
    });
  try {
    for (const gate of gates) {
      const { semaphore } = gate;
      if (semaphore === undefined) continue;
      const outer = slotOf(gate, borrowedFrom);
      const slot =
        outer === undefined
          ? (semaphore.take() ?? (await semaphore.wait(cancellation, release)))
          : await outer.borrow(cancellation, release);
      held = { gate, slot, borrowedFrom: held };
    }
    return held === borrowedFrom ? undefined : held;
  } catch (error) {
    releaseSlots(held, borrowedFrom);
    throw error;
  }
}

/** The innermost slot of a gate that the caller still holds. */
function slotOf(gate: Slotted, held: Held | undefined): Slot | undefined {
  for (let each = held; each !== undefined; each = each.borrowedFrom) {
    const { slot } = each;
    if (each.gate === gate && !slot.released) return slot;
  }
  return undefined;
}

/** Releases slots taken inside `around`. */
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
