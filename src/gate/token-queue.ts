// TokenQueue: decides which call may start, by requests, tokens, a vendor's pause and the slow start after it.
import { UNLIMITED } from "../base/options.js";
import { Alarm, GateClock } from "./gate-clock.js";
import { LocalSupply, type PermitSupply, type Refills } from "./permit-supply.js";
import type { Costed, PermitWaiter } from "./permit-waiter.js";
import type { Rate } from "./rate.js";
import { Refill } from "./refill.js";
import { SlowStart } from "./slow-start.js";
import { type Place, WaitingList } from "./waiting-list.js";

const NONE: readonly TokenQueue[] = [];

/** Starts calls in order of arrival, when requests, tokens, pause and slow start allow. */
export class TokenQueue {
  readonly clock = new GateClock();
  /** The number of pauses: a refusal of a call that started before a pause is already known. Written by pauseFor. */
  pauses = 0;
  /** The current slow start; written by pauseFor and at its end. */
  slowStart: SlowStart | undefined;
  readonly #supply: PermitSupply | undefined;
  readonly #waiters = new WaitingList<PermitWaiter>();
  readonly #refill: Refills | undefined;
  /** Whether permits come from a shared supply. */
  readonly #isShared: boolean;
  /** Rings at the end of a pause, and when a slow start allows another call. */
  readonly #alarm = new Alarm(this.clock, () => this.tick());
  /** The end of the pause, by the clock; 0 without a pause. Written by pauseFor and at its end. */
  #pausedUntil = 0;
  /** Whether a round through the waiters is running: a call that it starts may re-enter. */
  #waking: Promise<void> | undefined; // written by #wakeSoon
  #pumping = false;
  /** Whether a call has arrived meanwhile, perhaps before the position of the round. */
  #changed = false;
  /** Whether a tick is due in this turn. */
  #isDue = false;

  /** @param shared - Supplies the permits instead of local buckets. */
  constructor(rate: Rate | undefined, shared?: PermitSupply & Refills) {
    this.#isShared = shared !== undefined;
    this.#supply = this.#refill = shared;
    if (rate === undefined || shared !== undefined) return;
    this.#supply = new LocalSupply(rate, this.clock.now());
    this.#refill = new Refill(this.clock, rate.burst ?? 1_000, () => this.tick());
  }

  /** The permits available now, for `gate.stats()`. */
  get left(): { readonly requests: number; readonly tokens: number } {
    return this.#supply?.left(this.#saving, this.clock.now()) ?? { requests: UNLIMITED, tokens: UNLIMITED };
  }

  get tokensAtOnce(): number {
    return this.#supply?.tokensAtOnce ?? UNLIMITED;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** The waiting calls, in order. */
  get waiters(): Iterable<PermitWaiter> {
    return this.#waiters;
  }

  /** Milliseconds until the pause ends; 0 without a pause. */
  get pause(): number {
    return this.#pausedUntil === 0 ? 0 : Math.max(0, this.#pausedUntil - this.clock.now());
  }

  /** Takes permits here and of all other queues at one moment; returns false if the call has to wait. */
  take(call: Costed, others = NONE): boolean {
    if (this.#waiters.size > 0 || this.delay(call) > 0) return false;
    for (const other of others) if (other.#waiters.size > 0 || other.delay(call) > 0) return false;
    this.spend(call.tokens);
    for (const other of others) other.spend(call.tokens);
    return true;
  }

  /** Joins the queue. */
  enqueue(place: Place<PermitWaiter>): void {
    this.#waiters.add(place);
    if (this.#pumping) this.#changed = true;
    else if (!place.waiter.startsItself) this.wake();
  }

  leave(place: Place<PermitWaiter>): void {
    if (place.list !== this.#waiters) return;
    const wasFirst = this.#waiters.first === place;
    this.#waiters.remove(place);
    if (this.#waiters.size === 0) {
      this.#alarm.clear();
      this.#refill?.cancel();
    } else if (wasFirst && !this.#pumping) this.#wakeSoon();
  }

  /** Wakes once for all calls that leave in one turn: otherwise 10,000 aborted calls would each reset the timer. */
  #wakeSoon(): void {
    this.#waking ??= Promise.resolve().then(() => {
      this.#waking = undefined;
      if (this.#waiters.size > 0) this.wake();
    });
  }

  /**
   * Settles the difference between the reserved and the actual tokens of a call.
   *
   * @returns Milliseconds until the debt is paid.
   */
  settle(difference: number): number {
    const debt = this.#supply?.settle(difference, this.#saving, this.clock.now()) ?? 0;
    if (difference < 0 && this.#waiters.size > 0) this.wake();
    return debt;
  }

  /**
   * Pauses the queue for some ms, then slow-starts. Empties the buckets, because the vendor has refused a call.
   *
   * @param running - The calls in flight at the refusal, the refused one included.
   * @param since - {@link pauses} when the refused call started.
   */
  pauseFor(ms: number, running: number, since: number): void {
    const now = this.clock.now();
    this.#supply?.empty(now, ms);
    if (now + ms > this.#pausedUntil) this.#pausedUntil = now + ms;
    if (since === this.pauses) {
      this.pauses++;
      this.slowStart = new SlowStart(this.slowStart === undefined ? Math.max(1, running >> 1) : 1);
    }
    if (this.#waiters.size > 0) this.wake();
  }

  /** Milliseconds until a call could start if it were the first; 0 for now. */
  delay({ tokens, isNested }: Costed): number {
    const now = this.clock.now();
    const byRules = this.#heldBack(now, isNested);
    const byPermits = this.#supply === undefined ? 0 : this.#supply.delay(tokens, now);
    return Math.max(byRules, byPermits);
  }

  spend(tokens: number): void {
    this.#supply?.spend(tokens);
  }

  /** Starts the calls that can start, and schedules the next wake-up: at a refill, or at the end of a pause. */
  tick(): void {
    const { first } = this.#waiters;
    if (first === undefined) return;
    // The primary queue of a call starts it. Other queues request refills for their own first call.
    const { primary } = first.waiter;
    primary.pump();
    if (primary !== this) this.wake();
  }

  /** Schedules the next wake-up: at the end of a pause, at a refill, or at once. */
  wake(): void {
    if (this.#waiters.size === 0) return;
    const { pause } = this;
    const first = pause > 0 ? undefined : this.#waiters.first;
    if (pause > 0) this.#alarm.setWithin(pause);
    if (first === undefined || first.waiter.startsItself) return;
    const { waiter } = first;
    const delay = this.delay(waiter);
    // Only the primary queue acts for a call that can start.
    if (waiter.primary === this && (delay === 0 || isHeldUp(waiter))) this.#tickSoon();
    else this.#await(waiter, delay);
  }

  /**
   * Starts calls in order until one must wait for permits. Each call starts before the next one is checked, and the
   * clock is read again: a call may block for long, and later calls get what has refilled meanwhile.
   *
   * @param self - The only waiter that may start, if others must not be started from here.
   */
  pump(self?: PermitWaiter): void {
    if (this.#pumping) return;
    this.#pumping = true;
    let delay = 0;
    let blocked: PermitWaiter | undefined;
    try {
      for (let place = this.#waiters.first; place !== undefined; ) {
        const { waiter, next }: Place<PermitWaiter> = place;
        if (isHeldUp(waiter)) {
          place = next; // by another gate's rate: it does not block the calls behind it
          continue;
        }
        delay = this.delay(waiter);
        blocked = waiter;
        if (delay > 0 || (waiter.startsItself && waiter !== self)) break;
        this.spend(waiter.tokens);
        for (const other of waiter.others) other.spend(waiter.tokens);
        waiter.start();
        place = next?.list === this.#waiters ? next : this.#waiters.first;
      }
    } finally {
      this.#pumping = false;
    }
    if (self !== undefined) {
      if (this.#isShared && delay > 0) this.#refill?.request(delay);
      return;
    }
    if (blocked !== undefined) this.#await(blocked, delay);
    if (this.#changed) this.wake();
    this.#changed = false;
  }

  /** Schedules the end of a call's wait; nothing for 0 ms, when it waits for something else. */
  #await({ isNested }: PermitWaiter, delay: number): void {
    if (delay === 0 || this.#waiters.size === 0) return;
    const rules = this.#heldBack(this.clock.now(), isNested);
    if (rules > 0) this.#alarm.setWithin(rules);
    else this.#refill?.request(delay);
  }

  /**
   * Checks the queue again in this turn, but not synchronously in the code that caused it, which may end in this turn
   * too.
   */
  #tickSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.tick();
    });
  }

  /** Milliseconds for which a pause or a slow start delays all calls. */
  #heldBack(now: number, isNested = false): number {
    if (this.#pausedUntil !== 0) {
      if (now < this.#pausedUntil) return this.#pausedUntil - now;
      this.#pausedUntil = 0;
    }
    return this.slowStart === undefined || isNested ? 0 : this.slowStart.delay(now);
  }

  /** The tokens that the first call of the queue accumulates. */
  get #saving(): number {
    return this.#waiters.first?.waiter.tokens ?? 0;
  }

  isFirst(waiter: PermitWaiter): boolean {
    return this.#waiters.first?.waiter === waiter;
  }
}

/** Whether a queue other than the primary one blocks a call. */
function isHeldUp(waiter: PermitWaiter): boolean {
  for (const other of waiter.others) if (!other.isFirst(waiter) || other.delay(waiter) > 0) return true;
  return false;
}
