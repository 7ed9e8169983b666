// Which slots of gates a caller holds: taking them, borrowing them from around, letting them go.
import type { Cancellation } from "../abort.js";
import type { Semaphore, Slot } from "./semaphore.js";

/** Cross-build key under which a context carries the slots of gates that its hook holds. */
export const HELD = Symbol.for("sluice.held");

/** A slot that a hook holds, and those held around it. */
export interface Held {
  readonly gate: object;
  readonly slot: Slot;
  readonly around: Held | undefined;
}

/** Slots that a worker keeps from one call to the next while nobody else waits for them. */
export interface Keep {
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
  around: Held | undefined,
  cancellation: Cancellation | undefined,
  drop: (() => void) | undefined,
): Promise<Held | undefined> {
  let held = around;
  const leave =
    drop &&
    (() => {
      releaseSlots(held, around);
      drop();
    });
  try {
    for (const gate of gates) {
      const { semaphore } = gate;
      if (semaphore === undefined) continue;
      const outer = slotOf(gate, around);
      const slot =
        outer === undefined
          ? (semaphore.take() ?? (await semaphore.wait(cancellation, leave)))
          : await outer.borrow(cancellation, leave);
      held = { gate, slot, around: held };
    }
    return held === around ? undefined : held;
  } catch (error) {
    releaseSlots(held, around);
    throw error;
  }
}

/** The innermost slot of a gate that the caller still holds. */
function slotOf(gate: Slotted, held: Held | undefined): Slot | undefined {
  for (let each = held; each !== undefined; each = each.around) {
    const { slot } = each;
    if (each.gate === gate && !slot.released) return slot;
  }
  return undefined;
}

/** Releases slots taken inside `around`. */
export function releaseSlots(held: Held | undefined, around: Held | undefined): void {
  for (let each = held; each !== around && each !== undefined; each = each.around) {
    each.slot.release();
  }
}

/** Releases the slots that a worker keeps. */
export function letGo(keep: Keep, around: Held | undefined): void {
  const { held } = keep;
  if (held === undefined) return;
  keep.held = undefined;
  releaseSlots(held, around);
}
