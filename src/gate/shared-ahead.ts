// Permits that a gate requests before a call waits for them, where its shared limit has room.
import type { SharedAmount } from "./shared-limit.js";

/** The ms over which use is counted: as much as in this time is requested in advance. */
export const SPAN = 100;
/** Permits are requested again when they lapse in so many ms. */
const SOON = 50;

/** Calls that are expected: how many, and the tokens of each. */
export interface ExpectedCalls {
  readonly calls: number;
  readonly tokens: number;
}

export const NO_CALLS: ExpectedCalls = { calls: 0, tokens: 0 };

/** Expects as many calls in the next moments as there were in the last. */
export class SharedAhead {
  /** The use in this span and in the one before it. Written by {@link note} and {@link expect}. */
  #now = { calls: 0, tokens: 0 };
  #before = NO_CALLS;
  /** When this span began, by the clock. */
  #since = 0;

  /** Counts a call that has started. */
  note(tokens: number, now: number): void {
    this.#turn(now);
    this.#now.calls++;
    this.#now.tokens += tokens;
  }

  /**
   * Gives the calls for which permits are to be requested.
   *
   * @param left - Permits that the gate has.
   * @param lapses - When these lapse, by the clock.
   * @param spare - What may be taken out of the buckets without a need.
   */
  expect(left: SharedAmount, lapses: number, spare: SharedAmount, now: number): ExpectedCalls {
    this.#turn(now);
    const { calls, tokens } = this.#before.calls > this.#now.calls ? this.#before : this.#now;
    if (calls === 0) return NO_CALLS;
    const each = tokens / calls;
    const kept = Math.min(left.requests, each > 0 ? left.tokens / each : calls);
    if (kept > calls / 2 && lapses - now > SOON) return NO_CALLS;
    const most = Math.min(spare.requests, each > 0 ? spare.tokens / each : calls);
    return { calls: Math.floor(Math.min(Math.max(1, Math.min(calls, most) - kept), most)), tokens: each };
  }

  /** Begins the next span when this one is over. */
  #turn(now: number): void {
    const age = now - this.#since;
    if (age < SPAN) return;
    this.#before = age < 2 * SPAN ? this.#now : NO_CALLS;
    this.#now = { calls: 0, tokens: 0 };
    this.#since = now;
  }
}
