// Slots: p-limit as a semaphore whose slots are held, handed on, lent, and waited for in a queue of ours.
import pLimit, { type LimitFunction } from "p-limit";
import { type Place, WaitingList } from "./waiting-list.js";

/** What waits for a slot. */
export interface SlotWaiter {
  /** Is given a slot, which is taken from now on. Must not call back into the semaphore before its next turn. */
  granted(slot: Slot): void;
  /** The tokens that it will need next. */
  readonly tokens?: number;
  /** Leaves all queues and fails. */
  fail?(error: unknown): void;
}

/**
 * A bounded number of slots, given first come, first served.
 *
 * p-limit decides how many there are: each is a job of p-limit that never ends. Slots that are free, and calls that
 * wait for one, are kept here: p-limit's own queue cannot be left, and takes some microtasks to hand a slot on.
 */
export class Semaphore {
  readonly #jobs: LimitFunction;
  readonly #waiters = new WaitingList<SlotWaiter>();
  /** At most so many slots are taken; written by AdaptiveLimit. */
  #limit: number;
  #running = 0;

  /** @param most - What the limit can never exceed. */
  constructor(limit: number, most = limit) {
    this.#jobs = pLimit(most);
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Lowered, it takes no slot away: fewer are given until enough have come back. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#handOn();
  }

  /** Slots taken. */
  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Whether a slot that comes back is wanted by others, or must not be taken again. */
  get isCrowded(): boolean {
    return this.#waiters.size > 0 || this.#running > this.#limit;
  }

  /** Takes a slot at once, or gives `undefined` when it would have to wait. */
  take(): Slot | undefined {
    return this.#waiters.size === 0 && this.#mayGive() ? this.#give() : undefined;
  }

  /** The calls that wait, in order. */
  get waiters(): Iterable<SlotWaiter> {
    return this.#waiters;
  }

  /** Joins the calls that wait. */
  enqueue(place: Place<SlotWaiter>): void {
    this.#waiters.add(place);
    this.#handOn(); // one that comes back may be before calls that cannot go on
  }

  /** Sees to it that slots come which only others can give: none, where they are local. */
  askAgain(): void {}

  /** Leaves them. */
  leave(place: Place<SlotWaiter>): void {
    this.#waiters.remove(place);
  }

  /** @internal Takes a slot back; called once for each, by {@link Slot.release}. */
  takeBack(): void {
    this.#running--;
    this.#handOn();
  }

  #mayGive(): boolean {
    if (this.#running >= this.#limit) return false;
    const { activeCount, concurrency } = this.#jobs;
    return this.#running < activeCount || activeCount < concurrency;
  }

  #give(): Slot {
    if (this.#running === this.#jobs.activeCount) void this.#jobs(() => new Promise<never>(() => {}));
    this.#running++;
    return new Slot(this);
  }

  #handOn(): void {
    for (
      let place = this.#waiters.first;
      place !== undefined && this.#mayGive();
      place = this.#waiters.first
    ) {
      this.#waiters.remove(place);
      place.waiter.granted(this.#give());
    }
  }
}

/** A slot that is held until {@link Slot.release}. */
export class Slot {
  released = false;
  /** Whether nested calls may have come to know of it, and may borrow it at any time. Written when it is lent. */
  lent = false;
  readonly #semaphore: Semaphore;
  /** The nested calls that use this slot, one at a time; made when it is first borrowed. */
  #lender: Lender | undefined;

  constructor(semaphore: Semaphore) {
    this.#semaphore = semaphore;
  }

  /** A semaphore of one slot for nested calls, so that the limit holds. */
  get lender(): Semaphore {
    this.lent = true;
    this.#lender ??= new Lender();
    return this.#lender;
  }

  /** Releases the slot, once nested calls that still use it have ended. */
  release(): void {
    if (this.released) return;
    this.released = true;
    if (this.#lender === undefined) this.#semaphore.takeBack();
    else this.#lender.whenIdle(() => this.#semaphore.takeBack());
  }
}

/** The inside of a lent slot. */
class Lender extends Semaphore {
  #onIdle: (() => void) | undefined;

  constructor() {
    super(1);
  }

  /** Calls back once no call holds or awaits the inside. */
  whenIdle(callback: () => void): void {
    this.#onIdle = callback;
    this.#checkIdle();
  }

  override leave(place: Place<SlotWaiter>): void {
    super.leave(place);
    this.#checkIdle();
  }

  override takeBack(): void {
    super.takeBack();
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#onIdle === undefined || this.running > 0 || this.waiting > 0) return;
    const callback = this.#onIdle;
    this.#onIdle = undefined;
    callback();
  }
}
