// TokenQueue: which call may start now, by requests, tokens, a vendor's pause and the slow start after it.
import { UNLIMITED } from "../base/options.js";
import { Alarm, GateClock } from "./gate-clock.js";
import { LocalSupply, type PermitSupply, type Refills } from "./permit-supply.js";
import type { Costed, PermitWaiter } from "./permit-waiter.js";
import type { Rate } from "./rate.js";
import { Refill } from "./refill.js";
import { SlowStart } from "./slow-start.js";
import { type Place, WaitingList } from "./waiting-list.js";

const NONE: readonly TokenQueue[] = [];

/** Lets calls start in the order they came, when requests, tokens, pause and slow start allow. */
export class TokenQueue {
  readonly clock = new GateClock();
  /** How often it has been paused: a refusal of a call from before a pause is no news. Written by pauseFor. */
  pauses = 0;
  /** The slow start that goes on now; written by pauseFor and when it ends. */
  slowStart: SlowStart | undefined;
  readonly #supply: PermitSupply | undefined;
  readonly #waiters = new WaitingList<PermitWaiter>();
  readonly #refill: Refills | undefined;
  /** Whether each call that its own timer starts asks for refills by itself. */
  readonly #isShared: boolean;
  /** Rings at the end of a pause, and when a slow start lets another call go. */
  readonly #alarm = new Alarm(this.clock, () => this.tick());
  /** By the clock; 0 without a pause. Written by pauseFor and at its end. */
  #pausedUntil = 0;
  /** Whether a round through the waiters goes on: a call that it starts may come back here. */
  #waking: Promise<void> | undefined; // written by #wakeSoon
  #pumping = false;
  /** Whether a call has come meanwhile, perhaps to a place that the round has passed. */
  #changed = false;
  /** Whether a tick is due in this turn. */
  #isDue = false;

  /** @param shared - Gives the permits instead of local buckets. */
  constructor(rate: Rate | undefined, shared?: PermitSupply & Refills) {
    this.#isShared = shared !== undefined;
    this.#supply = this.#refill = shared;
    if (rate === undefined || shared !== undefined) return;
    this.#supply = new LocalSupply(rate, this.clock.now());
    this.#refill = new Refill(this.clock, rate.burst ?? 1_000, () => this.tick());
  }

  /** What could start now, for `gate.stats()`. */
  get left(): { readonly requests: number; readonly tokens: number } {
    return this.#supply?.left(this.#saving, this.clock.now()) ?? { requests: UNLIMITED, tokens: UNLIMITED };
  }

  get tokensAtOnce(): number {
    return this.#supply?.tokensAtOnce ?? UNLIMITED;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** The calls that wait, in order. */
  get waiters(): Iterable<PermitWaiter> {
    return this.#waiters;
  }

  /** Milliseconds until the pause is over; 0 when there is none. */
  get pause(): number {
    return this.#pausedUntil === 0 ? 0 : Math.max(0, this.#pausedUntil - this.clock.now());
  }

  /** Takes permits here and of all others at one moment, or gives false when the call would have to wait. */
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

  /** Wakes once for all that leave in one turn: 10,000 that are aborted would each arm the timer anew. */
  #wakeSoon(): void {
    this.#waking ??= Promise.resolve().then(() => {
      this.#waking = undefined;
      if (this.#waiters.size > 0) this.wake();
    });
  }

  /**
   * Settles the difference between the tokens that a call reserved and those it cost.
   *
   * @returns The ms until the debt is paid.
   */
  settle(difference: number): number {
    const debt = this.#supply?.settle(difference, this.#saving, this.clock.now()) ?? 0;
    if (difference < 0 && this.#waiters.size > 0) this.wake();
    return debt;
  }

  /**
   * Starts no call for some ms, and few after that. What was saved up is gone, for the vendor has refused a call.
   *
   * @param running - Calls that ran when it was refused, itself included.
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

  /** The ms until a call could start, were it the first; 0 for now. */
  delay({ tokens, isNested }: Costed): number {
    const now = this.clock.now();
    const byRules = this.#heldBack(now, isNested);
    const byPermits = this.#supply === undefined ? 0 : this.#supply.delay(tokens, now);
    return Math.max(byRules, byPermits);
  }

  spend(tokens: number): void {
    this.#supply?.spend(tokens);
  }

  /** Starts what can start, and sees to it that the queue moves again: at a refill, or a pause's end. */
  tick(): void {
    const { first } = this.#waiters;
    if (first === undefined) return;
    // Its own queue starts a call. The others ask for refills too, for the call that is their first.
    const { primary } = first.waiter;
    primary.pump();
    if (primary !== this) this.wake();
  }

  /** Sees to it that the queue moves again: at the end of a pause, at a refill, or at once. */
  wake(): void {
    if (this.#waiters.size === 0) return;
    const { pause } = this;
    const first = pause > 0 ? undefined : this.#waiters.first;
    if (pause > 0) this.#alarm.setWithin(pause);
    if (first === undefined || first.waiter.startsItself) return;
    const { waiter } = first;
    const delay = this.delay(waiter);
    // Another queue than the primary one has nothing to do for a call that it lets start.
    if (waiter.primary === this && (delay === 0 || isHeldUp(waiter))) this.#tickSoon();
    else this.#await(waiter, delay);
  }

  /**
   * Starts calls in order until one must wait for these permits. Each starts before the next one is looked at, with
   * the clock read again: a call may block for long, and what comes in meanwhile is for the calls after it.
   *
   * @param self - The only waiter that may start, where others must not be started from here.
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
          place = next; // by a rate of its own: it does not wait for us, and lets others pass
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

  /** Sets what ends a call's wait of so many ms; nothing for 0, when it waits for something else. */
  #await({ isNested }: PermitWaiter, delay: number): void {
    if (delay === 0 || this.#waiters.size === 0) return;
    const rules = this.#heldBack(this.clock.now(), isNested);
    if (rules > 0) this.#alarm.setWithin(rules);
    else this.#refill?.request(delay);
  }

  /** Looks at the queue again, in this turn but not inside the work that makes it move: that may end in its turn. */
  #tickSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.tick();
    });
  }

  /** The ms for which a pause or a slow start holds all calls back. */
  #heldBack(now: number, isNested = false): number {
    if (this.#pausedUntil !== 0) {
      if (now < this.#pausedUntil) return this.#pausedUntil - now;
      this.#pausedUntil = 0;
    }
    return this.slowStart === undefined || isNested ? 0 : this.slowStart.delay(now);
  }

  /** Tokens that the head of the queue saves up for. */
  get #saving(): number {
    return this.#waiters.first?.waiter.tokens ?? 0;
  }

  isFirst(waiter: PermitWaiter): boolean {
    return this.#waiters.first?.waiter === waiter;
  }
}

/** Whether a call cannot start because of another queue than its primary. */
function isHeldUp(waiter: PermitWaiter): boolean {
  for (const other of waiter.others) if (!other.isFirst(waiter) || other.delay(waiter) > 0) return true;
  return false;
}
