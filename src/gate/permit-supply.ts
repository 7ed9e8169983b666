// The source of permits. LocalSupply has two buckets; a limit that processes share (shared-feed.ts) gets grants
// instead.
import { UNLIMITED } from "../base/options.js";
import { Bucket, type Rate } from "./rate.js";

/** The permits of one gate. A call of n tokens needs one request and n tokens. */
export interface PermitSupply {
  /** Milliseconds until a call with these tokens could start, by the clock of the gate; 0 for now. */
  delay(tokens: number, now: number): number;
  /** Takes the permits of a call that starts. */
  spend(tokens: number): void;
  /**
   * Takes the tokens that a call cost beyond its reservation, or returns those it did not need.
   *
   * @param saving - The tokens that the next call in the queue accumulates.
   * @returns Milliseconds until the debt is paid.
   */
  settle(difference: number, saving: number, now: number): number;
  /** Empties the buckets after a refusal that requests a pause of this many ms. */
  empty(now: number, pause: number): void;
  /** The permits available now. */
  left(saving: number, now: number): { readonly requests: number; readonly tokens: number };
  /** The maximum of accumulated tokens; a more expensive call waits for its full time. */
  readonly tokensAtOnce: number;
}

/** Wakes a queue when permits refill. */
export interface Refills {
  /** Requests a wake-up after this many ms. */
  request(ms: number): void;
  /** Cancels the wake-up, because no call waits for permits. */
  cancel(): void;
}

/** Two token buckets. */
export class LocalSupply implements PermitSupply {
  readonly #requests: Bucket | undefined;
  readonly #tokens: Bucket | undefined;

  constructor(rate: Rate, now: number) {
    const { requests, tokens } = rate;
    if (requests !== undefined) this.#requests = new Bucket(requests, rate, 1, now);
    if (tokens !== undefined) this.#tokens = new Bucket(tokens, rate, 0, now);
  }

  get tokensAtOnce(): number {
    return this.#tokens?.capacity ?? UNLIMITED;
  }

  delay(tokens: number, now: number): number {
    // Both buckets accrue, even if the first is not enough: a skipped one would catch up later.
    const forRequest = this.#requests === undefined ? 0 : this.#requests.accrue(now, 1);
    const forTokens = this.#tokens === undefined ? 0 : this.#tokens.accrue(now, tokens);
    return Math.max(forRequest, forTokens);
  }

  spend(tokens: number): void {
    this.#requests?.spend(1, 0);
    this.#tokens?.spend(tokens, 0);
  }

  settle(difference: number, saving: number, now: number): number {
    if (this.#tokens === undefined) return 0;
    this.#tokens.accrue(now, saving);
    this.#tokens.spend(difference, saving);
    return Math.max(0, -this.#tokens.level / this.#tokens.perMs);
  }

  empty(now: number): void {
    this.#requests?.empty(now);
    this.#tokens?.empty(now);
  }

  left(saving: number, now: number): { readonly requests: number; readonly tokens: number } {
    this.#requests?.accrue(now, 0);
    this.#tokens?.accrue(now, saving);
    return {
      requests: Math.max(0, this.#requests?.level ?? UNLIMITED),
      tokens: Math.max(0, this.#tokens?.level ?? UNLIMITED),
    };
  }
}
