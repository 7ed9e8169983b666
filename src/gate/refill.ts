/// <reference path="./bottleneck-light.d.ts" />
// Refills: the moments at which a queue looks at its buckets again. Each is one job of Bottleneck, the rate limiter,
// which keeps them apart. It starts at most 350 jobs a second, so there is one for all calls that it lets start.
import Bottleneck from "bottleneck/light.js";
import { Alarm, type GateClock } from "./gate-clock.js";

/**
 * The time between two refills, in ms. The last calls of a limited batch wait half of it on average: 15 instead of 25
 * brings a batch of four seconds 0.1 % nearer to the ideal, and 67 refills a second cost under 1 % of a core.
 */
const SLICE = 15;

/** How many ms a refill may be late before Bottleneck is replaced. */
const OVERDUE = 100;

/** Asks for refills, one at a time. */
export class Refill {
  readonly #clock: GateClock;
  readonly #onRefill: () => void;
  readonly #slice: number;
  /** Rings when it is time to ask for the job, and then, when the job is overdue. */
  readonly #alarm: Alarm;
  #limiter: Bottleneck | undefined;
  /** Whether a job is under way; written by each request and its end. */
  #asked = false;
  /** How far the wall clock was ahead of ours at the last job. */
  #wallClockAhead = 0;

  /** @param burst - How much is saved up, in ms of rate: a refill later than that would lose some. */
  constructor(clock: GateClock, burst: number, onRefill: () => void) {
    this.#clock = clock;
    this.#onRefill = onRefill;
    // A refill brings at most a quarter of the burst, or a full bucket would run over and lose rate.
    this.#slice = Math.max(1, Math.min(SLICE, burst / 4));
    this.#alarm = new Alarm(clock, () => {
      if (!this.#asked) return this.#ask();
      this.#drop();
      this.#refill();
    });
  }

  /** Asks for a refill that is of use in so many ms, and not for one in between. */
  request(ms: number): void {
    if (this.#asked) this.#alarm.setWithin(this.#slice + OVERDUE);
    else if (ms > 2 * this.#slice) this.#alarm.setWithin(ms - this.#slice);
    else this.#ask();
  }

  /** No call waits any more, so nothing may hold the process. */
  cancel(): void {
    this.#alarm.clear();
    if (this.#asked) this.#drop();
  }

  #ask(): void {
    // Bottleneck goes by the wall clock: one that has jumped since the last job would make it wait as long.
    const ahead = Date.now() - this.#clock.now();
    if (Math.abs(ahead - this.#wallClockAhead) > SLICE) this.#drop();
    this.#asked = true;
    this.#wallClockAhead = ahead;
    this.#limiter ??= new Bottleneck({ minTime: this.#slice });
    const limiter = this.#limiter;
    const job = async () => {
      if (limiter === this.#limiter && this.#asked) this.#refill();
    };
    limiter.schedule(job).catch(() => {}); // rejects when it is dropped, which is our own doing
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
