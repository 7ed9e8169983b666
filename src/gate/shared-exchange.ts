// The requests of one gate to its shared limit, one at a time.
import type { GateClock } from "./gate-clock.js";
import type { LimitConflict, LimitReply, LimitRequest, SharedLimit } from "./shared-limit.js";

/** A request without a reply for so many ms is lost: on workerd its promise may have ended with the call that made it. */
const LOST = 3_000;

/** So many calls are asked for at once, at most. */
const MOST = 500;

/** Adds what calls cost that wait. */
export function addCosts(calls: number[], waiters: Iterable<{ readonly tokens?: number }>): void {
  for (const { tokens = 0 } of waiters) {
    if (calls.length >= MOST) return;
    calls.push(tokens);
  }
}

/** What the requests are made of, and what becomes of their replies. */
export interface Exchanging {
  compose(now: number): LimitRequest;
  received(request: LimitRequest, reply: LimitReply | LimitConflict, sent: number): void;
  failed(error: unknown, request: LimitRequest): void;
}

/** Makes the requests. */
export class SharedExchange {
  readonly #limit: SharedLimit;
  readonly #clock: GateClock;
  readonly #feed: Exchanging;
  /** When the request that is under way was sent, and its end. Written by #exchange. */
  #sentAt: number | undefined;
  #flight: Promise<void> | undefined;
  /** Whether a request is made in this turn, and whether one follows the one under way. */
  #isDue = false;
  #again = false;

  constructor(limit: SharedLimit, clock: GateClock, feed: Exchanging) {
    this.#limit = limit;
    this.#clock = clock;
    this.#feed = feed;
  }

  /** Whether a reply is under way. */
  get isBusy(): boolean {
    return this.#sentAt !== undefined && this.#clock.now() - this.#sentAt < LOST;
  }

  /** Makes a request in this turn, for all calls that come in it. */
  soon(): void {
    if (this.#isDue || this.isBusy) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      if (!this.isBusy) this.#flight = this.#exchange();
    });
  }

  /** Makes one that may not be left out: now, or when the one under way has ended. */
  report(): void {
    if (this.isBusy) this.#again = true;
    else this.soon();
  }

  /** Makes one more request once no other is under way. What fails is of no interest. */
  async last(compose: () => LimitRequest): Promise<void> {
    await this.#flight;
    try {
      await this.#limit.exchange(compose());
    } catch {}
  }

  async #exchange(): Promise<void> {
    const sent = this.#clock.now();
    this.#sentAt = sent;
    const request = this.#feed.compose(sent);
    let reply: LimitReply | LimitConflict;
    try {
      reply = await this.#limit.exchange(request);
    } catch (error) {
      if (this.#ends(sent)) this.#feed.failed(error, request);
      return;
    }
    if (!this.#ends(sent)) return;
    this.#feed.received(request, reply, sent);
    if (this.#again) this.soon();
    this.#again = false;
  }

  /** Ends a request, unless it was given up. */
  #ends(sent: number): boolean {
    if (this.#sentAt !== sent) return false;
    this.#sentAt = undefined;
    return true;
  }
}
