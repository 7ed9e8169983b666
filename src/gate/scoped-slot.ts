// One slot for one caller, for those who need no more of a gate than that: the handlers of sluice/serve.
import { type Cancellation, waitFor } from "../base/cancellation.js";
import type { RequestScopes } from "./request-scopes.js";
import type { Semaphore, Slot, SlotWaiter } from "./semaphore.js";
import { Place } from "./waiting-list.js";

/**
 * Takes a slot, or waits for one. A drain and an abort reject with their reason, and free what the wait took at once.
 *
 * @param arrival - Lower goes first.
 * @param scopes - Where a caller can be gone without a word: its slot then comes free, and it starts by its own timer.
 * @returns What gives the slot back; it may be called again.
 */
export async function holdSlot(
  semaphore: Semaphore,
  arrival: number,
  cancellation: Cancellation,
  scopes: RequestScopes | undefined,
): Promise<() => void> {
  let slot = semaphore.take();
  let onSlot: (() => void) | undefined;
  let place: Place<SlotWaiter> | undefined;
  const leaveScope = scopes?.enter({
    beat: () => {
      if (slot !== undefined) onSlot?.();
    },
    die: () => {
      if (place !== undefined) semaphore.leave(place);
      slot?.release();
    },
  });
  const release = () => {
    leaveScope?.();
    slot?.release();
  };
  if (slot !== undefined) return release;
  const start = (resolve: () => void) => {
    onSlot = resolve;
    const granted = (given: Slot) => {
      slot = given;
      if (scopes === undefined) resolve();
    };
    place = new Place<SlotWaiter>({ granted }, arrival);
    semaphore.enqueue(place);
    return () => {
      if (place !== undefined) semaphore.leave(place);
      release();
    };
  };
  await waitFor<void>(cancellation, start);
  return release;
}
