// The stock of one process at a shared limit: granted permits, and the known levels of the buckets.
import { UNLIMITED } from "../base/options.js";
import type { SharedAmount, SharedBucket } from "./shared-limit.js";

/** Permits are returned if not used within this many ms after they are due. */
const LAPSE = 100;
/** A grant whose reply took longer than this, in ms, is not used: the process or the place was stalled. */
const STALE = 500;

/** Granted and unused permits. */
export class SharedStock {
  /** Written by all methods but {@link delay}. */
  #requests = 0;
  #tokens = 0;
  /** When they may be used; `#lapses` is the end of that time. */
  #due = 0;
  #lapses = 0;
  /** What the next request returns. */
  #back = { requests: 0, tokens: 0 };

  get left(): SharedAmount {
    return { requests: this.#requests, tokens: this.#tokens };
  }

  get lapses(): number {
    return this.#lapses;
  }

  /** Milliseconds until a call with these tokens may use them; `undefined` if it cannot. */
  delay(tokens: number, now: number): number | undefined {
    if (this.#requests < 1 || this.#tokens < tokens - 1e-6 || now > this.#lapses) return undefined;
    return Math.max(0, this.#due - now);
  }

  /** Adds a grant that was requested at `sent`. What has no limit is UNLIMITED. */
  add(requests: number, tokens: number, wait: number, sent: number, now: number): void {
    // Calls of a debt wait for it, and not for what was left before it.
    if (wait > 0 || now > this.#lapses) this.giveBack();
    this.#requests += requests;
    this.#tokens += tokens;
    this.#due = now + wait;
    this.#lapses = now - sent > STALE ? Number.NEGATIVE_INFINITY : this.#due + LAPSE;
  }

  spend(tokens: number): void {
    this.#requests--;
    this.#tokens -= tokens;
  }

  /** Whether the permits are not due yet. */
  isEarly(now: number): boolean {
    return this.#requests > 0 && now < this.#due;
  }

  /** Discards the stock. */
  clear(): void {
    this.#requests = this.#tokens = 0;
  }

  /** Marks the stock to be returned, except where there is no limit. */
  giveBack(): void {
    if (this.#requests < UNLIMITED) this.#back.requests += this.#requests;
    if (this.#tokens < UNLIMITED) this.#back.tokens += Math.max(0, this.#tokens);
    this.clear();
  }

  /** Records the tokens that a call cost beyond its reservation. */
  settle(difference: number): void {
    this.#back.tokens -= difference;
  }

  /** The tokens that the next request returns; a debt is negative. */
  get owed(): number {
    return this.#back.tokens;
  }

  /** Takes what is to be returned. */
  takeBack(): SharedAmount {
    const back = this.#back;
    this.#back = { requests: 0, tokens: 0 };
    return back;
  }
}

/** The levels of the buckets, as last reported. */
export class SharedLevels {
  readonly #requests: SharedBucket | null;
  readonly #tokens: SharedBucket | null;
  /** Written by each report and settlement. */
  #last: SharedAmount = { requests: 0, tokens: 0 };
  #at: number;

  constructor(requests: SharedBucket | null, tokens: SharedBucket | null, now: number) {
    this.#requests = requests;
    this.#tokens = tokens;
    this.#at = now;
  }

  report(levels: SharedAmount, now: number): void {
    this.#last = levels;
    this.#at = now;
  }

  /** Records tokens that the buckets do not count yet. */
  settle(difference: number): void {
    this.#last = { ...this.#last, tokens: this.#last.tokens - difference };
  }

  /** The estimated levels now. */
  at(now: number): SharedAmount {
    const level = (bucket: SharedBucket | null, last: number) =>
      bucket === null ? UNLIMITED : Math.min(bucket.capacity, last + (now - this.#at) * bucket.perMs);
    return {
      requests: level(this.#requests, this.#last.requests),
      tokens: level(this.#tokens, this.#last.tokens),
    };
  }

  /** What may be taken in advance: half of what is beyond half of the capacity, and at most what comes in within so many ms. */
  spare(ms: number, now: number): SharedAmount {
    const levels = this.at(now);
    const spare = (bucket: SharedBucket | null, level: number) =>
      bucket === null
        ? UNLIMITED
        : Math.max(0, Math.min((level - bucket.capacity / 2) / 2, ms * bucket.perMs));
    return { requests: spare(this.#requests, levels.requests), tokens: spare(this.#tokens, levels.tokens) };
  }

  /** The estimated milliseconds until a call is covered. */
  delay(tokens: number, now: number): number {
    const levels = this.at(now);
    const wait = (bucket: SharedBucket | null, missing: number) =>
      bucket === null ? 0 : missing / bucket.perMs;
    return Math.max(0, wait(this.#requests, 1 - levels.requests), wait(this.#tokens, tokens - levels.tokens));
  }
}
