// What a case of the contract of shared limits gets, and what cases are written with.
import assert from "node:assert/strict";
import type { LimitReply, LimitRequest, SharedBucket, SharedLimit } from "sluice";

/** A shared limit to hold to the contract. */
export interface SharedLimitSubject {
  /** A limit at a place without state. */
  readonly limit: SharedLimit;
  /** Gives another limit at the same place, as another process has it. */
  another(): SharedLimit | PromiseLike<SharedLimit>;
  /** Takes all state from the place, as a restart may do. */
  forget(): unknown;
  /** Lets time pass for the place. @default a timer */
  readonly pass?: ((ms: number) => PromiseLike<void>) | undefined;
  /** Deletes the place; the limits are closed already. */
  close(): unknown;
}

/** What a place keeps of one limit. */
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

  /** Makes a request with some fields of its own. */
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

/** What a case is run with. */
export interface LimitCaseOptions {
  pass(ms: number): PromiseLike<void>;
  forget(): unknown;
  /** Gives a gate of the same process. */
  member(limits: Limits): Member;
  /** Gives a gate of another process. */
  foreign(limits: Limits): Promise<Member>;
}

/** A case on a shared limit. */
export interface LimitCase {
  readonly name: string;
  check(options: LimitCaseOptions): Promise<void>;
}

/** A bucket of which time alone brings next to nothing while a case runs. */
export const slow = (capacity: number): SharedBucket => ({ perMs: 1e-4, capacity });

/** A gate of a place that grants, with these buckets full. */
export async function ready(options: LimitCaseOptions, limits: Limits): Promise<Member> {
  const member = options.member(limits);
  const { wait } = await member.ask();
  await options.pass(wait + 20);
  await refill(member, limits);
  return member;
}

/** Fills the buckets by what comes back. */
export async function refill(member: Member, { requests, tokens }: Limits): Promise<void> {
  await member.ask({
    back: { requests: 2 * (requests?.capacity ?? 0), tokens: 2 * (tokens?.capacity ?? 0) },
  });
}

/** @param slack - Of the amount that time may have brought meanwhile. */
export function near(actual: number, expected: number, slack: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= slack, `${what}: expected about ${expected}, got ${actual}`);
}
