// Slots: a semaphore on p-limit, with its own queue, and slots that can be kept, passed on and lent.
import pLimit, { type LimitFunction } from "p-limit";
import { type Place, WaitingList } from "./waiting-list.js";

/** A waiter for a slot. */
export interface SlotWaiter {
  /** Receives a taken slot. Must not call the semaphore before the next turn. */
  granted(slot: Slot): void;
  /** The tokens that it will need next. */
  readonly tokens?: number;
  /** Leaves all queues and fails. */
  fail?(error: unknown): void;
}

/**
 * A semaphore that grants slots in order of arrival.
 *
 * p-limit limits their number: each slot is a job of p-limit that never ends. Free slots and waiting calls are kept
 * here, because a call cannot leave p-limit's queue, which also takes some microtasks to pass a slot on.
 */
export class Semaphore {
  readonly #jobs: LimitFunction;
  readonly #waiters = new WaitingList<SlotWaiter>();
  /** The maximum of taken slots; written by AdaptiveLimit. */
  #limit: number;
  #running = 0;

  /** @param most - The maximum of the limit. */
  constructor(limit: number, most = limit) {
    this.#jobs = pLimit(most);
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** A lower limit revokes no slot: fewer are granted until enough are released. */
  set limit(limit: number) {
    this.#limit = limit;
    this.#handOn();
  }

  /** The number of taken slots. */
  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Whether other calls wait for a released slot, or the limit is exceeded. */
  get isCrowded(): boolean {
    return this.#waiters.size > 0 || this.#running > this.#limit;
  }

  /** Takes a slot synchronously; returns `undefined` if none is free. */
  take(): Slot | undefined {
    return this.#waiters.size === 0 && this.#mayGive() ? this.#give() : undefined;
  }

  /** The calls that wait, in order. */
  get waiters(): Iterable<SlotWaiter> {
    return this.#waiters;
  }

  /** Adds a waiting call. */
  enqueue(place: Place<SlotWaiter>): void {
    this.#waiters.add(place);
    this.#handOn(); // a returning call may precede calls that cannot continue
  }

  /** Requests slots from other processes; does nothing for local slots. */
  askAgain(): void {}

  /** Removes a waiting call. */
  leave(place: Place<SlotWaiter>): void {
    this.#waiters.remove(place);
  }

  /** @internal Takes back a slot; called once for each by {@link Slot.release}. */
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
  /** Whether it was lent, so that nested calls may borrow it at any time; written when it is lent. */
  lent = false;
  readonly #semaphore: Semaphore;
  /** Serves nested calls that use this slot, one at a time; created when it is first borrowed. */
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

/** The semaphore of a lent slot. */
class Lender extends Semaphore {
  #onIdle: (() => void) | undefined;

  constructor() {
    super(1);
  }

  /** Calls back once no nested call holds or awaits the slot. */
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
