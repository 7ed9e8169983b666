// What one process has of a shared limit: permits that it was granted, and what it knows of the buckets.
import { UNLIMITED } from "../base/options.js";
import type { SharedAmount, SharedBucket } from "./shared-limit.js";

/** Permits are used within so many ms from the moment they are due, or go back. */
const LAPSE = 100;
/** A grant that took longer than this, in ms, is not used: the process or the place stood still. */
const STALE = 500;

/** Permits that were granted and are not used yet. */
export class SharedStock {
  /** Written by all methods but {@link delay}. */
  #requests = 0;
  #tokens = 0;
  /** When they may be used, and until when. */
  #due = 0;
  #lapses = 0;
  /** What goes back with the next request. */
  #back = { requests: 0, tokens: 0 };

  get left(): SharedAmount {
    return { requests: this.#requests, tokens: this.#tokens };
  }

  get lapses(): number {
    return this.#lapses;
  }

  /** The ms until a call of so many tokens may use them; `undefined` where it cannot. */
  delay(tokens: number, now: number): number | undefined {
    if (this.#requests < 1 || this.#tokens < tokens - 1e-6 || now > this.#lapses) return undefined;
    return Math.max(0, this.#due - now);
  }

  /** Replaces what is left by a grant that was asked for at `sent`. */
  set(requests: number, tokens: number, wait: number, sent: number, now: number): void {
    this.#requests = requests;
    this.#tokens = tokens;
    this.#due = now + wait;
    this.#lapses = now - sent > STALE ? Number.NEGATIVE_INFINITY : this.#due + LAPSE;
  }

  spend(tokens: number): void {
    this.#requests--;
    this.#tokens -= tokens;
  }

  /** Whether they may not be used yet. */
  isEarly(now: number): boolean {
    return this.#requests > 0 && now < this.#due;
  }

  /** Forgets what is left. */
  clear(): void {
    this.#requests = this.#tokens = 0;
  }

  /** Puts what is left aside, to go back. What has no limit need not go back. */
  giveBack(): void {
    if (this.#requests < UNLIMITED) this.#back.requests += this.#requests;
    if (this.#tokens < UNLIMITED) this.#back.tokens += Math.max(0, this.#tokens);
    this.clear();
  }

  /** Notes tokens that a call cost beyond those that it reserved. */
  settle(difference: number): void {
    this.#back.tokens -= difference;
  }

  /** The tokens that go back with the next request; a debt is negative. */
  get owed(): number {
    return this.#back.tokens;
  }

  /** Takes out what goes back. */
  takeBack(): SharedAmount {
    const back = this.#back;
    this.#back = { requests: 0, tokens: 0 };
    return back;
  }
}

/** The levels of the buckets, as they were last reported. */
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

  /** Notes tokens that the buckets do not count yet. */
  settle(difference: number): void {
    this.#last = { ...this.#last, tokens: this.#last.tokens - difference };
  }

  /** What there should be now. */
  at(now: number): SharedAmount {
    const level = (bucket: SharedBucket | null, last: number) =>
      bucket === null ? UNLIMITED : Math.min(bucket.capacity, last + (now - this.#at) * bucket.perMs);
    return {
      requests: level(this.#requests, this.#last.requests),
      tokens: level(this.#tokens, this.#last.tokens),
    };
  }

  /** The ms until there should be enough for a call. */
  delay(tokens: number, now: number): number {
    const levels = this.at(now);
    const wait = (bucket: SharedBucket | null, missing: number) =>
      bucket === null ? 0 : missing / bucket.perMs;
    return Math.max(0, wait(this.#requests, 1 - levels.requests), wait(this.#tokens, tokens - levels.tokens));
  }
}
