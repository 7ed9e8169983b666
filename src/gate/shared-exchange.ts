// The requests of one gate to its shared limit, one at a time.
import type { GateClock } from "./gate-clock.js";
import type { LimitConflict, LimitReply, LimitRequest, SharedLimit } from "./shared-limit.js";

/**
 * Milliseconds after which a request without a reply is lost: on workerd its promise may have ended with the calling
 * request.
 */
const LOST = 3_000;

/** Composes the requests and handles their replies. */
export interface Exchanging {
  compose(now: number): LimitRequest;
  received(request: LimitRequest, reply: LimitReply | LimitConflict, sent: number): void;
  failed(error: unknown, request: LimitRequest): void;
}

/** Sends the requests. */
export class SharedExchange {
  readonly #limit: SharedLimit;
  readonly #clock: GateClock;
  readonly #feed: Exchanging;
  /** When the pending request was sent, and its promise; written by #exchange. */
  #sentAt: number | undefined;
  #flight: Promise<void> | undefined;
  /** Whether a request is due in this turn, and whether one follows the pending request. */
  #isDue = false;
  #again = false;

  constructor(limit: SharedLimit, clock: GateClock, feed: Exchanging) {
    this.#limit = limit;
    this.#clock = clock;
    this.#feed = feed;
  }

  /** Whether a reply is pending. */
  get isBusy(): boolean {
    return this.#sentAt !== undefined && this.#clock.now() - this.#sentAt < LOST;
  }

  /** Sends a request in this turn, for all calls that arrive in it. */
  soon(): void {
    if (this.#isDue || this.isBusy) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      if (!this.isBusy) this.#flight = this.#exchange();
    });
  }

  /** Sends a mandatory request: now, or after the pending one. */
  report(): void {
    if (this.isBusy) this.#again = true;
    else this.soon();
  }

  /** Sends a last request after the pending one. Its failure is ignored. */
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

  /** Ends a request, unless it was abandoned. */
  #ends(sent: number): boolean {
    if (this.#sentAt !== sent) return false;
    this.#sentAt = undefined;
    return true;
  }
}
