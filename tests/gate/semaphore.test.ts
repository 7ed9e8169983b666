// Slots: taken, waited for, lent and released.
import { describe, expect, test } from "vitest";
import { Cancellation, waitFor } from "../../src/base/cancellation.js";
import { Semaphore, type Slot, type SlotWaiter } from "../../src/gate/semaphore.js";
import { Place } from "../../src/gate/waiting-list.js";
import { turn } from "../support/fake-clock.js";

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  await turn();
  return done;
}

/** Waits for a slot in the order of the calls. */
function waitIn(semaphore: Semaphore, cancellation: Cancellation | undefined): Promise<Slot> {
  return waitFor(cancellation, (resolve) => {
    const place = new Place<SlotWaiter>({ granted: resolve }, arrivals++);
    semaphore.enqueue(place);
    return () => semaphore.leave(place);
  });
}
let arrivals = 0;

/** Borrows a slot, or waits until nobody else uses it. */
const borrow = async (slot: Slot, cancellation: Cancellation | undefined): Promise<Slot> =>
  slot.lender.take() ?? waitIn(slot.lender, cancellation);

describe("a semaphore", () => {
  test("gives slots at once until they are taken, and again when they are released", async () => {
    const semaphore = new Semaphore(2);
    const [first, second] = [semaphore.take(), semaphore.take()];
    expect(first).toBeDefined();
    expect(second).toBeDefined();
    expect(semaphore.take()).toBeUndefined();
    first?.release();
    await turn();
    expect(semaphore.take()).toBeDefined();
    expect(semaphore.take()).toBeUndefined();
  });

  test("serves waiters in order of arrival, without overtaking", async () => {
    const semaphore = new Semaphore(1);
    const order: number[] = [];
    const held = semaphore.take()!;
    const waits = [0, 1, 2].map(async (i) => {
      const slot = await waitIn(semaphore, undefined);
      order.push(i);
      return slot;
    });
    expect(semaphore.waiting).toBe(3);
    held.release();
    expect(semaphore.take()).toBeUndefined();
    for (const wait of waits) {
      const slot = await wait;
      expect(semaphore.take()).toBeUndefined();
      slot.release();
    }
    expect(order).toEqual([0, 1, 2]);
    expect(semaphore.waiting).toBe(0);
  });

  test("rejects an aborted waiter with the reason at once, and passes it over", async () => {
    const semaphore = new Semaphore(1);
    const held = semaphore.take()!;
    const cancellation = new Cancellation();
    const aborted = waitIn(semaphore, cancellation);
    const next = waitIn(semaphore, undefined);
    cancellation.abort("stop", true);
    await expect(aborted).rejects.toBe("stop");
    expect(semaphore.waiting).toBe(1);
    held.release();
    (await next).release();
    await turn();
    expect(semaphore.take()).toBeDefined();
  });

  test("rejects a waiter that was aborted before it came, and is not changed by it", async () => {
    const semaphore = new Semaphore(1);
    const cancellation = new Cancellation();
    cancellation.abort("stop", true);
    await expect(waitIn(semaphore, cancellation)).rejects.toBe("stop");
    expect(semaphore.waiting).toBe(0);
    expect(semaphore.take()).toBeDefined();
  });

  test("stays whole after 10,000 aborted waiters", async () => {
    const semaphore = new Semaphore(3);
    const held = [1, 2, 3].map(() => semaphore.take()!);
    const cancellation = new Cancellation();
    const waits = Array.from({ length: 10_000 }, () => waitIn(semaphore, cancellation));
    const last = waitIn(semaphore, undefined);
    cancellation.abort("stop", true);
    await Promise.allSettled(waits);
    expect(semaphore.waiting).toBe(1);
    for (const slot of held) slot.release();
    (await last).release();
    await turn();
    const again = [semaphore.take(), semaphore.take(), semaphore.take(), semaphore.take()];
    expect(again.filter((slot) => slot !== undefined)).toHaveLength(3);
  });

  test("takes a second release of the same slot for nothing", async () => {
    const semaphore = new Semaphore(1);
    const slot = semaphore.take()!;
    slot.release();
    slot.release();
    expect(semaphore.running).toBe(0);
    await turn();
    expect(semaphore.take()).toBeDefined();
    expect(semaphore.take()).toBeUndefined();
    expect(semaphore.running).toBe(1);
  });
});

describe("a lent slot", () => {
  test("is lent to one at a time, in order", async () => {
    const slot = new Semaphore(1).take()!;
    const first = await borrow(slot, undefined);
    const second = borrow(slot, undefined);
    const third = borrow(slot, undefined);
    expect(await settled(second)).toBe(false);
    first.release();
    const lent: Slot = await second;
    expect(await settled(third)).toBe(false);
    lent.release();
    (await third).release();
  });

  test("is free for others only when the borrower has ended too", async () => {
    const semaphore = new Semaphore(1);
    const slot = semaphore.take()!;
    const borrowed = await borrow(slot, undefined);
    slot.release();
    await turn();
    expect(semaphore.take()).toBeUndefined();
    borrowed.release();
    await turn();
    expect(semaphore.take()).toBeDefined();
  });

  test("is free only when all have ended, who borrowed from the borrower, and who waited", async () => {
    const semaphore = new Semaphore(1);
    const slot = semaphore.take()!;
    const child = await borrow(slot, undefined);
    const grandchild = await borrow(child, undefined);
    const waiting = borrow(slot, undefined);
    slot.release();
    child.release();
    await turn();
    expect(semaphore.take()).toBeUndefined();
    grandchild.release();
    const last = await waiting;
    await turn();
    expect(semaphore.take()).toBeUndefined();
    last.release();
    await turn();
    expect(semaphore.take()).toBeDefined();
  });

  test("an aborted borrower leaves at once and blocks no other call", async () => {
    const semaphore = new Semaphore(1);
    const slot = semaphore.take()!;
    const borrowed = await borrow(slot, undefined);
    const cancellation = new Cancellation();
    const aborted = borrow(slot, cancellation);
    cancellation.abort("stop", false);
    await expect(aborted).rejects.toBe("stop");
    borrowed.release();
    slot.release();
    await turn();
    expect(semaphore.take()).toBeDefined();
  });
});
