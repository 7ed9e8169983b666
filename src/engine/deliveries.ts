// The queue that delivers the finished items of a batch to the store, one at a time.
import { isThenable } from "../base/awaitable.js";
import type { EventLoopYields } from "../base/event-loop.js";

/** A queued delivery. */
interface Delivery {
  deliver(): unknown;
  done(): void;
  failed(error: unknown): void;
  /** The next delivery; written by `add`. */
  next: Delivery | undefined;
}

/** The deliveries of one batch. */
export class Deliveries {
  #last: Delivery | undefined;
  /** Resolves when all deliveries are done; `undefined` if there are none. Written by `add` and #run. */
  ended: Promise<void> | undefined;
  readonly #isAborted: () => boolean;

  /** @param isAborted - Whether to stop delivering. */
  constructor(isAborted: () => boolean) {
    this.#isAborted = isAborted;
  }

  /** Adds a delivery to the end of the queue. */
  add(deliver: () => unknown, yields: EventLoopYields): Promise<void> {
    return new Promise((done, failed) => {
      const added: Delivery = { deliver, done, failed, next: undefined };
      if (this.#last !== undefined) this.#last.next = added;
      this.#last = added;
      this.ended ??= this.#run(added, yields);
    });
  }

  /** Yields to the event loop between deliveries, when that is due. */
  async #run(first: Delivery, yields: EventLoopYields): Promise<void> {
    await undefined; // the first worker continues before its delivery, as the others do
    let each: Delivery | undefined = first;
    while (each !== undefined && !this.#isAborted()) {
      try {
        const work = each.deliver();
        if (isThenable(work)) await work;
        each.done();
      } catch (error) {
        each.failed(error);
        await undefined; // its worker ends the batch before the next delivery
      }
      if (--yields.budget <= 0) {
        for (let turn = yields.checkClock(); turn !== undefined; turn = yields.yieldAgain()) await turn;
      }
      const { next }: Delivery = each; // read last, because one may be added meanwhile
      each.next = undefined; // otherwise the first would retain all that follow
      each = next;
    }
    this.#last = undefined;
    this.ended = undefined;
    // Their workers continue only after the run has ended: 10,000 of them would delay its rejection by 20 ms.
    if (each !== undefined) void Promise.resolve(each).then(release);
  }
}

/** Resumes the workers of deliveries that were not made. */
async function release(first: Delivery): Promise<void> {
  await undefined;
  for (let each: Delivery | undefined = first; each !== undefined; each = each.next) each.done();
}
