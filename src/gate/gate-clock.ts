// The clock of a gate, and its timers. The wall clock is never read here: it may jump, or a test may freeze it.
import { LONGEST_TIMER } from "../base/options.js";

/**
 * Whether a timer is one of `@sinonjs/fake-timers`, which Vitest and Jest use. A real timer that fires early says
 * nothing of the time: it counts from the start of its turn of the event loop, which may have been blocked since.
 */
const isFake = (timer: typeof setTimeout | undefined): boolean =>
  (timer as { clock?: unknown } | undefined)?.clock !== undefined;

/**
 * Milliseconds that never go backwards, from `performance.now()`. A step back, as at the end of a test with faked
 * time, counts as no time at all.
 */
export class GateClock {
  /** The last reading; written by each reading. */
  #last = performance.now();
  /** What is added to a reading; grows where `performance.now()` steps back or stands still. */
  #offset = 0;

  now(): number {
    const reading = performance.now();
    if (reading < this.#last) this.#offset += this.#last - reading;
    this.#last = reading;
    return reading + this.#offset;
  }

  /** Goes on to the moment at which a faked timer that has fired was due: `performance` may not be faked. */
  catchUp(due: number): void {
    const behind = due - this.now();
    if (behind > 0) this.#offset += behind;
  }
}

/** One timer that can be set again and again. It may fire early, when it was set for longer than timers can be. */
export class Alarm {
  readonly #clock: GateClock;
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires, on the clock; meaningless without a timer. */
  #due = 0;
  /** The function that has set the timer: a test that fakes or restores it leaves a timer that never fires. */
  #setBy: typeof setTimeout | undefined;

  readonly #isWeak: boolean;

  /** @param isWeak - Whether it holds no process. */
  constructor(clock: GateClock, ring: () => void, isWeak = false) {
    this.#clock = clock;
    this.#ring = ring;
    this.#isWeak = isWeak;
  }

  /** Rings in some ms, or earlier if it was set for an earlier moment. */
  setWithin(ms: number): void {
    if (this.#timer !== undefined && this.#setBy === setTimeout && this.#due <= this.#clock.now() + ms)
      return;
    this.set(ms);
  }

  /** Rings in some ms, and not before. */
  set(ms: number): void {
    clearTimeout(this.#timer);
    const delay = Math.min(Math.ceil(Math.max(0, ms)), LONGEST_TIMER);
    this.#due = this.#clock.now() + delay;
    this.#setBy = setTimeout;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (isFake(this.#setBy)) this.#clock.catchUp(this.#due);
      this.#ring();
    }, delay);
    if (this.#isWeak) (this.#timer as { unref?: () => void }).unref?.();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
