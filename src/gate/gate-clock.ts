// The clock of a gate, and its timers. They never read the wall clock, which may jump, or be frozen by a test.
import { LONGEST_TIMER } from "../base/options.js";

/**
 * Whether a timer belongs to `@sinonjs/fake-timers`, which Vitest and Jest use. A real timer that fires early does not
 * show the time: it counts from the start of its event-loop turn, which may have been blocked since.
 */
const isFake = (timer: typeof setTimeout | undefined): boolean =>
  (timer as { clock?: unknown } | undefined)?.clock !== undefined;

/**
 * Milliseconds that never go backwards, from `performance.now()`. A step back, as at the end of a test with faked time,
 * counts as 0 ms.
 */
export class GateClock {
  /** The last reading; written by each reading. */
  #last = performance.now();
  /** The offset of readings; grows if `performance.now()` steps back or stands still. */
  #offset = 0;

  now(): number {
    const reading = performance.now();
    if (reading < this.#last) this.#offset += this.#last - reading;
    this.#last = reading;
    return reading + this.#offset;
  }

  /** Advances to the due time of a faked timer that has fired, because `performance` may not be faked. */
  catchUp(due: number): void {
    const behind = due - this.now();
    if (behind > 0) this.#offset += behind;
  }
}

/** One reusable timer. It may fire early if it was set for longer than the platform's maximum. */
export class Alarm {
  readonly #clock: GateClock;
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires, on the clock; undefined meaning without a timer. */
  #due = 0;
  /** The `setTimeout` that set the timer: if a test has replaced it since, the timer never fires. */
  #setBy: typeof setTimeout | undefined;

  readonly #isWeak: boolean;

  /** @param isWeak - Whether it does not keep the process alive. */
  constructor(clock: GateClock, ring: () => void, isWeak = false) {
    this.#clock = clock;
    this.#ring = ring;
    this.#isWeak = isWeak;
  }

  /** Rings after `ms`, or earlier if it was set to an earlier moment. */
  setWithin(ms: number): void {
    if (this.#timer !== undefined && this.#setBy === setTimeout && this.#due <= this.#clock.now() + ms)
      return;
    this.set(ms);
  }

  /** Rings after `ms`, and not before. */
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
