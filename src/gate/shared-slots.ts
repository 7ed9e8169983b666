// Slots of one process, out of those that all gates of a shared limit have together.
import type { GateClock } from "./gate-clock.js";
import { Semaphore, type Slot, type SlotWaiter } from "./semaphore.js";
import type { Place } from "./waiting-list.js";

/** What happens to slots. */
export interface SlotEvents {
  /** A call waits for a slot. */
  wanted(slots: SharedSlots): void;
  /** A slot has come back. */
  free(slots: SharedSlots): void;
}

/** A semaphore whose limit is what the shared limit has granted. */
export class SharedSlots extends Semaphore {
  readonly #most: number;
  readonly #clock: GateClock;
  readonly #events: SlotEvents;
  /** When a slot was last taken or free, by the clock. */
  #usedAt = 0;

  /** @param most - Slots of all gates together. */
  constructor(most: number, clock: GateClock, events: SlotEvents) {
    super(0, most);
    this.#most = most;
    this.#clock = clock;
    this.#events = events;
  }

  /** Releases the slots that no call has used for some ms, and gives the number of those that stay. */
  keep(idle: number): number {
    const isIdle = this.waiting === 0 && this.#clock.now() - this.#usedAt >= idle;
    if (isIdle && this.running < this.limit) this.limit = this.running;
    return Math.max(this.running, this.limit);
  }

  override take(): Slot | undefined {
    const slot = super.take();
    if (slot !== undefined) this.#usedAt = this.#clock.now();
    return slot;
  }

  override enqueue(place: Place<SlotWaiter>): void {
    super.enqueue(place);
    if (this.waiting > 0) this.#events.wanted(this);
  }

  /** Whether a call waits for a slot that others may give. */
  get lacks(): boolean {
    return this.waiting > 0 && this.limit < this.#most;
  }

  override askAgain(): void {
    this.#events.wanted(this);
  }

  override takeBack(): void {
    this.#usedAt = this.#clock.now();
    super.takeBack();
    this.#events.free(this);
  }
}
