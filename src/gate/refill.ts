/// <reference path="./bottleneck-light.d.ts" />
// Refills: the moments at which a queue checks its buckets. Each is one job of Bottleneck, the rate limiter, which
// spaces them. Bottleneck starts at most 350 jobs a second, so one job serves all calls that can start.
import Bottleneck from "bottleneck/light.js";
import { Alarm, type GateClock } from "./gate-clock.js";

/**
 * Milliseconds between two refills. The last calls of a limited batch wait half of it on average: 15 instead of 25
 * brings a batch of four seconds 0.1 % nearer to the ideal, and 67 refills a second cost under 1 % of a core.
 */
const SLICE = 15;

/** Milliseconds that a refill may be late before Bottleneck is replaced. */
const OVERDUE = 100;

/** Requests refills, one at a time. */
export class Refill {
  readonly #clock: GateClock;
  readonly #onRefill: () => void;
  readonly #slice: number;
  /** Rings when it is time to request the job, and then when the job is overdue. */
  readonly #alarm: Alarm;
  #limiter: Bottleneck | undefined;
  /** Whether a job is pending; written by each request and its end. */
  #asked = false;
  /** How far the wall clock was ahead of the gate's clock at the last job. */
  #wallClockAhead = 0;

  /** @param burst - How much rate accumulates, in ms; a later refill would lose some. */
  constructor(clock: GateClock, burst: number, onRefill: () => void) {
    this.#clock = clock;
    this.#onRefill = onRefill;
    // A refill adds at most a quarter of the burst, otherwise a full bucket would overflow and lose rate.
    this.#slice = Math.max(1, Math.min(SLICE, burst / 4));
    this.#alarm = new Alarm(clock, () => {
      if (!this.#asked) return this.#ask();
      this.#drop();
      this.#refill();
    });
  }

  /** Requests a refill after this many ms, and none before. */
  request(ms: number): void {
    if (this.#asked) this.#alarm.setWithin(this.#slice + OVERDUE);
    else if (ms > 2 * this.#slice) this.#alarm.setWithin(ms - this.#slice);
    else this.#ask();
  }

  /** Cancels everything that keeps the process alive, because no call waits. */
  cancel(): void {
    this.#alarm.clear();
    if (this.#asked) this.#drop();
  }

  #ask(): void {
    // Bottleneck uses the wall clock: if that has jumped since the last job, Bottleneck would wait for the jump.
    const ahead = Date.now() - this.#clock.now();
    if (Math.abs(ahead - this.#wallClockAhead) > SLICE) this.#drop();
    this.#asked = true;
    this.#wallClockAhead = ahead;
    this.#limiter ??= new Bottleneck({ minTime: this.#slice });
    const limiter = this.#limiter;
    const job = async () => {
      if (limiter === this.#limiter && this.#asked) this.#refill();
    };
    limiter.schedule(job).catch(() => {}); // rejects when we drop it
    this.#alarm.set(this.#slice + OVERDUE);
  }

  #refill(): void {
    this.#alarm.clear();
    this.#asked = false;
    this.#onRefill();
  }

  #drop(): void {
    this.#asked = false;
    this.#limiter?.stop({ dropWaitingJobs: true }).catch(() => {});
    this.#limiter = undefined;
  }
}
