// Permits of one gate out of a shared limit: what it was granted, what it spends, and for which calls it requests more.
import { UNLIMITED } from "../base/options.js";
import { type ExpectedCalls, NO_CALLS, SharedAhead, SPAN } from "./shared-ahead.js";
import type { LimitReply, LimitRequest, SharedAmount, SharedTerms } from "./shared-limit.js";
import { SharedLevels, SharedStock } from "./shared-stock.js";
import { bucketsOf } from "./shared-terms.js";
import type { TokenQueue } from "./token-queue.js";

/** So many calls are in one request, at most. */
const MOST = 500;

/** Adds what calls cost. */
function addCosts(calls: number[], waiters: Iterable<{ readonly tokens?: number }>): void {
  for (const { tokens = 0 } of waiters) {
    if (calls.length >= MOST) return;
    calls.push(tokens);
  }
}

/** Keeps the permits. */
export class SharedPermits {
  readonly stock = new SharedStock();
  readonly levels: SharedLevels;
  readonly tokensAtOnce: number;
  readonly #ahead = new SharedAhead();
  /** Calls of the last request that did not wait yet. Written by {@link calls}. */
  #expected = 0;

  constructor(terms: SharedTerms, now: number) {
    const { requests, tokens } = bucketsOf(terms);
    this.levels = new SharedLevels(requests, tokens, now);
    this.tokensAtOnce = tokens?.capacity ?? UNLIMITED;
  }

  /** The ms until a call of so many tokens can start, as far as is known. */
  delay(tokens: number, now: number): number {
    return this.stock.delay(tokens, now) ?? Math.max(0.1, this.levels.delay(tokens, now));
  }

  spend(tokens: number, now: number): void {
    this.stock.spend(tokens);
    this.#ahead.note(tokens, now);
  }

  left(now: number): SharedAmount {
    const { requests, tokens } = this.levels.at(now);
    const { left } = this.stock;
    return { requests: Math.max(0, requests + left.requests), tokens: Math.max(0, tokens + left.tokens) };
  }

  /** The calls for which permits are requested in advance. */
  expect(now: number): ExpectedCalls {
    return this.#ahead.expect(this.stock.left, this.stock.lapses, this.levels.spare(SPAN, now), now);
  }

  /** What the calls cost for which permits are requested: those that wait for them, that are expected, and that wait for a slot. */
  calls(
    { waiters, pause }: TokenQueue,
    forSlots: Iterable<object>,
    isAhead: boolean,
    now: number,
  ): Pick<LimitRequest, "calls" | "ready"> {
    const calls: number[] = [];
    this.#expected = 0;
    const [first] = waiters;
    // Permits that wait for their moment, or for another gate, are not requested anew.
    const isKept = first !== undefined && this.stock.delay(first.tokens, now) !== undefined;
    if (isKept || pause > 0) return { calls, ready: 0 };
    if (first !== undefined || now > this.stock.lapses) this.stock.giveBack();
    addCosts(calls, waiters);
    const waiting = calls.length;
    const expected = isAhead ? this.expect(now) : NO_CALLS;
    addCosts(calls, new Array<ExpectedCalls>(expected.calls).fill(expected));
    const ready = calls.length;
    this.#expected = ready - waiting;
    addCosts(calls, forSlots);
    return { calls, ready };
  }

  /** Notes what the reply to a request grants. */
  receive(
    { requests, tokens, calls, ready }: LimitRequest,
    reply: LimitReply,
    sent: number,
    now: number,
  ): void {
    this.levels.report(reply.levels, now);
    this.levels.settle(-this.stock.owed);
    if (reply.calls === 0) return;
    const isRated = requests !== null || tokens !== null;
    const cost = calls.slice(0, reply.calls).reduce((sum, each) => sum + each, 0);
    this.stock.add(isRated ? reply.calls : UNLIMITED, isRated ? cost : UNLIMITED, reply.wait, sent, now);
    // No debt is made for a call that does not wait.
    if (reply.wait > 0 && ready === this.#expected) this.stock.giveBack();
  }
}
