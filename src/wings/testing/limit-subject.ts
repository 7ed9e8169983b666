// What a contract case of shared limits gets, and the tools of the cases.
import assert from "node:assert/strict";
import type { LimitReply, LimitRequest, SharedBucket, SharedLimit } from "sluice";

/** A shared limit to test. */
export interface SharedLimitSubject {
  /** A limit whose place has no state. */
  readonly limit: SharedLimit;
  /** Returns another limit at the same place, as another process has it. */
  another(): SharedLimit | PromiseLike<SharedLimit>;
  /** Deletes all state of the place, as a restart may do. */
  forget(): unknown;
  /** Advances the time of the place. @default a timer */
  readonly pass?: ((ms: number) => PromiseLike<void>) | undefined;
  /** Deletes the place; the limits are closed already. */
  close(): unknown;
}

/** The limits of one place. */
export interface Limits {
  readonly slots?: number;
  readonly requests?: SharedBucket;
  readonly tokens?: SharedBucket;
}

/** One gate of a case. */
export class Member {
  readonly #limit: SharedLimit;
  readonly #limits: Limits;
  readonly owner: string;
  epoch = "";
  terms = "terms";

  constructor(limit: SharedLimit, limits: Limits, owner: string) {
    this.#limit = limit;
    this.#limits = limits;
    this.owner = owner;
  }

  /** Sends a request with some fields changed. */
  async raw(changes: Partial<LimitRequest> = {}) {
    const { slots = null, requests = null, tokens = null } = this.#limits;
    const held = changes.held ?? 0;
    const calls = changes.calls ?? [];
    return this.#limit.exchange({
      owner: this.owner,
      terms: this.terms,
      slots,
      requests,
      tokens,
      epoch: this.epoch,
      held,
      wanted: held,
      calls,
      ready: calls.length,
      back: { requests: 0, tokens: 0 },
      pause: 0,
      known: { requests: 0, tokens: 0, pause: 0 },
      leaves: false,
      ...changes,
    });
  }

  async ask(changes: Partial<LimitRequest> = {}): Promise<LimitReply> {
    const reply = await this.raw(changes);
    if ("differs" in reply) throw new assert.AssertionError({ message: `refused: ${reply.differs}` });
    this.epoch = reply.epoch;
    return reply;
  }
}

/** The arguments of a case. */
export interface LimitCaseOptions {
  pass(ms: number): PromiseLike<void>;
  forget(): unknown;
  /** Returns a gate of the same process. */
  member(limits: Limits): Member;
  /** Returns a gate of another process. */
  foreign(limits: Limits): Promise<Member>;
}

/** A test case of a shared limit. */
export interface LimitCase {
  readonly name: string;
  check(options: LimitCaseOptions): Promise<void>;
}

/** A bucket that hardly refills while a case runs. */
export const slow = (capacity: number): SharedBucket => ({ perMs: 1e-4, capacity });

/** A gate at a place that grants calls and has these buckets full. */
export async function ready(options: LimitCaseOptions, limits: Limits): Promise<Member> {
  const member = options.member(limits);
  const { wait } = await member.ask();
  await options.pass(wait + 20);
  await refill(member, limits);
  return member;
}

/** Fills the buckets by returned permits. */
export async function refill(member: Member, { requests, tokens }: Limits): Promise<void> {
  await member.ask({
    back: { requests: 2 * (requests?.capacity ?? 0), tokens: 2 * (tokens?.capacity ?? 0) },
  });
}

/** @param slack - The amount that may have refilled meanwhile. */
export function near(actual: number, expected: number, slack: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= slack, `${what}: expected about ${expected}, got ${actual}`);
}
