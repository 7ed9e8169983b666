// Where permits come from. This one is local: two buckets. A limit that processes share (shared-feed.ts) brings grants instead.
import { UNLIMITED } from "../base/options.js";
import { Bucket, type Rate } from "./rate.js";

/** Permits of one gate. A call of n tokens needs one request and n tokens. */
export interface PermitSupply {
  /** The ms until a call of so many tokens could start, by the clock of the gate; 0 when it could now. */
  delay(tokens: number, now: number): number;
  /** Takes the permits of a call that starts now. */
  spend(tokens: number): void;
  /**
   * Takes tokens that a call cost beyond those it reserved, or gives back where it cost less.
   *
   * @param saving - The tokens that the next call in the queue saves up for.
   * @returns The ms until the debt is paid.
   */
  settle(difference: number, saving: number, now: number): number;
  /** Forgets what was saved up: the vendor has refused a call, and asks for a pause of so many ms. */
  empty(now: number, pause: number): void;
  /** What could be spent now. */
  left(saving: number, now: number): { readonly requests: number; readonly tokens: number };
  /** Tokens that are saved up at most; a dearer call waits for its full time. */
  readonly tokensAtOnce: number;
}

/** Sees to it that a queue is looked at again. */
export interface Refills {
  /** Asks for a refill that is of use in so many ms. */
  request(ms: number): void;
  /** No call waits for permits any more. */
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
    // Both accrue, whether or not the first is enough: a skipped bucket would make up for it later.
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
