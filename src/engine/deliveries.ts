// The queue in which the finished items of a batch go to the store, one at a time.
import type { EventLoopYields } from "../base/event-loop.js";

const ignore = () => {};

/** Deliveries of one batch. */
export class Deliveries {
  /** Resolves once all that were added have ended; `undefined` before the first. Written by `add`. */
  ended: Promise<unknown> | undefined;

  /** Makes a delivery after those added before it, and then gives the event loop its turn where that is due. */
  add(deliver: () => unknown, yields: EventLoopYields): Promise<void> {
    const mine = (this.ended ?? Promise.resolve()).then(async () => {
      await deliver();
      if (--yields.budget > 0) return; // here, for the next in the queue does not wait for this worker
      for (let turn = yields.checkClock(); turn !== undefined; turn = yields.yieldAgain()) await turn;
    });
    this.ended = mine.catch(ignore);
    return mine;
  }
}
