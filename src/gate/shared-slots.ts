// The slots of one process at a shared limit.
import type { GateClock } from "./gate-clock.js";
import { Semaphore, type Slot, type SlotWaiter } from "./semaphore.js";
import type { Place } from "./waiting-list.js";

/** Callbacks of {@link SharedSlots}. */
export interface SlotEvents {
  /** A call waits for a slot. */
  wanted(slots: SharedSlots): void;
  /** A slot was released. */
  free(slots: SharedSlots): void;
}

/** A semaphore whose limit is granted by the shared limit. */
export class SharedSlots extends Semaphore {
  readonly #most: number;
  readonly #clock: GateClock;
  readonly #events: SlotEvents;
  /** When a slot was last taken or released, by the clock. */
  #usedAt = 0;

  /** @param most - The slots of all gates. */
  constructor(most: number, clock: GateClock, events: SlotEvents) {
    super(0, most);
    this.#most = most;
    this.#clock = clock;
    this.#events = events;
  }

  /** Releases the slots that were idle for this many ms, and returns the number of remaining slots. */
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

  /** Whether a call waits for a slot that the shared limit may grant. */
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
