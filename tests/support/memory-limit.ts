// A shared limit in memory, for tests: what sluice/redis does by a script, in plain steps that a mutant may change.
import {
  type LimitConflict,
  type LimitReply,
  type LimitRequest,
  type SharedBucket,
  SharedLimit,
} from "sluice";

interface Owner {
  seen: number;
  since: number;
  held: number;
  wanted: number;
  due?: number | undefined;
  cost?: number | undefined;
  revoked?: boolean | undefined;
}

type Kind = "requests" | "tokens";

/** The place that several limits share. */
export class MemoryPlace {
  readonly grace: number = 1_000;
  readonly expiry: number = 9_000;
  readonly silent: number = 1_000;
  owners = new Map<string, Owner>();
  level = { requests: 0, tokens: 0 };
  epoch = "";
  #epochs = 0;
  #terms: string | undefined;
  protected at = 0;
  protected open = 0;
  protected pause = 0;
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Loses all state. */
  forget(): void {
    this.owners = new Map();
    this.level = { requests: 0, tokens: 0 };
    this.#terms = undefined;
    this.pause = 0;
    this.epoch = "";
  }

  settle(ask: LimitRequest): LimitReply | LimitConflict {
    const now = this.#now();
    this.recover(now);
    if (this.#terms !== undefined && this.#terms !== ask.terms) {
      if ([...this.owners.keys()].some((id) => id !== ask.owner)) return this.conflict(this.#terms);
    }
    this.#terms = ask.terms;
    this.fill(ask, now);
    this.at = now;
    this.hold(ask, now);
    const me = this.meet(ask, now);
    const revoked = me.revoked === true;
    me.revoked = undefined;
    this.revoke(ask, now);
    const slots = ask.slots === null ? ask.held : this.share(ask, me, now);
    const ready = ask.slots === null ? ask.calls.length : this.ready(ask, slots);
    const { calls, wait } = this.grant(ask, me, Math.min(ask.calls.length, ready), now);
    return {
      epoch: this.epoch,
      slots,
      calls,
      wait,
      poll: 15,
      pause: Math.max(0, this.pause - now),
      levels: { ...this.level },
      revoked,
    };
  }

  protected conflict(terms: string): LimitReply | LimitConflict {
    return { differs: terms };
  }

  /** Forgets silent gates, and sees to it that reports come where some may be missing. */
  protected recover(now: number): void {
    const forget = (moment: number) => {
      for (const [id, { seen }] of this.owners) if (moment - seen > this.expiry) this.owners.delete(id);
    };
    forget(this.at);
    const isHeld = [...this.owners.values()].some(({ held }) => held > 0);
    if (this.epoch === "" || (isHeld && now - this.at > 2 * this.silent)) {
      this.epoch = `${++this.#epochs}`;
      this.open = now + this.grace;
      this.at = now;
      this.level = { requests: Math.min(0, this.level.requests), tokens: Math.min(0, this.level.tokens) };
      for (const owner of this.owners.values()) owner.due = undefined;
    }
    if (now >= this.open) forget(now);
  }

  protected cap(bucket: SharedBucket, level: number): number {
    return Math.min(bucket.capacity, level);
  }

  protected returned(ask: LimitRequest, kind: Kind): number {
    return ask.epoch === this.epoch || ask.back[kind] < 0 ? ask.back[kind] : 0;
  }

  protected known(ask: LimitRequest, kind: Kind): number {
    return ask.epoch !== this.epoch && ask.known[kind] < 0 ? ask.known[kind] : Number.POSITIVE_INFINITY;
  }

  protected fill(ask: LimitRequest, now: number): void {
    for (const kind of ["requests", "tokens"] as const) {
      const bucket = ask[kind];
      if (bucket === null) continue;
      const level = this.cap(bucket, this.level[kind] + (now - this.at) * bucket.perMs);
      this.level[kind] = Math.min(this.cap(bucket, level + this.returned(ask, kind)), this.known(ask, kind));
    }
  }

  protected hold(ask: LimitRequest, now: number): void {
    const pause = ask.epoch === this.epoch ? ask.pause : Math.max(ask.pause, ask.known.pause);
    if (pause <= 0) return;
    this.pause = Math.max(this.pause, now + pause);
    this.level = { requests: Math.min(0, this.level.requests), tokens: Math.min(0, this.level.tokens) };
  }

  protected meet(ask: LimitRequest, now: number): Owner {
    const me: Owner = this.owners.get(ask.owner) ?? { seen: now, since: now, held: 0, wanted: 0 };
    if (ask.leaves && ask.held === 0) this.owners.delete(ask.owner);
    else this.owners.set(ask.owner, me);
    if (ask.calls.length > 0 || ask.back.requests > 0) me.due = undefined;
    if (ask.held < me.held || me.wanted <= me.held) me.since = now;
    Object.assign(me, { seen: now, held: ask.held, wanted: ask.wanted });
    return me;
  }

  protected revoke(ask: LimitRequest, now: number): void {
    for (const owner of this.owners.values()) {
      if (owner.due === undefined || now - owner.seen <= this.silent) continue;
      if (owner.due > now) {
        if (ask.requests !== null) this.level.requests = this.cap(ask.requests, this.level.requests + 1);
        if (ask.tokens !== null)
          this.level.tokens = this.cap(ask.tokens, this.level.tokens + (owner.cost ?? 0));
        owner.revoked = true;
      }
      owner.due = undefined;
    }
  }

  /** How many slots a gate may use. */
  protected share(ask: LimitRequest, me: Owner, now: number): number {
    const total = ask.slots ?? 0;
    const all = [...this.owners.values()];
    const free = total - all.reduce((sum, { held }) => sum + held, 0);
    const active = all.filter(({ wanted }) => wanted > 0).length;
    const share = Math.floor(total / Math.max(1, active));
    const least = Math.max(1, share);
    const needy = all.filter(
      (owner) =>
        owner !== me && owner.wanted > owner.held && owner.held < least && now - owner.seen < this.silent,
    );
    const needs = needy.reduce((sum, owner) => sum + Math.min(owner.wanted, least) - owner.held, 0);
    const before = needy.filter(({ since }) => since < me.since).length;
    const kept = this.kept(ask.held, share, needs > free);
    if (now < this.open) return kept;
    const missing = ask.wanted - ask.held;
    const first = Math.max(0, Math.min(missing, least - ask.held, free - before));
    const added = first + Math.max(0, Math.min(missing - first, free - first - needs));
    if (added === 0) return kept;
    me.held = ask.held + added;
    me.since = now;
    return me.held;
  }

  protected kept(held: number, share: number, isScarce: boolean): number {
    return isScarce ? Math.min(held, share) : held;
  }

  protected ready(ask: LimitRequest, slots: number): number {
    return ask.ready + Math.max(0, slots - ask.held);
  }

  protected closedFor(now: number): number {
    return now < this.open ? this.open - now : Math.max(0, this.pause - now);
  }

  protected fits(cost: number, ask: LimitRequest): boolean {
    return (
      (ask.requests === null || this.level.requests >= 1 - 1e-6) &&
      (ask.tokens === null || this.level.tokens >= cost - 1e-6)
    );
  }

  protected grant(ask: LimitRequest, me: Owner, most: number, now: number): { calls: number; wait: number } {
    const closed = this.closedFor(now);
    if (closed > 0) return { calls: 0, wait: closed };
    let calls = 0;
    for (const cost of ask.calls.slice(0, most)) {
      if (!this.fits(cost, ask)) break;
      this.spend(ask, cost);
      calls++;
    }
    if (calls > 0 || most === 0) return { calls, wait: 0 };
    return this.lend(ask, me, ask.calls[0] ?? 0, now);
  }

  /** The first call goes into debt. */
  protected lend(ask: LimitRequest, me: Owner, cost: number, now: number): { calls: number; wait: number } {
    this.spend(ask, cost);
    const wait = Math.max(
      0,
      ask.requests === null ? 0 : -this.level.requests / ask.requests.perMs,
      ask.tokens === null ? 0 : -this.level.tokens / ask.tokens.perMs,
    );
    if (wait > this.silent) Object.assign(me, { due: now + wait, cost });
    return { calls: 1, wait };
  }

  protected spend(ask: LimitRequest, cost: number): void {
    if (ask.requests !== null) this.level.requests--;
    if (ask.tokens !== null) this.level.tokens -= cost;
  }
}

/** A limit at a place: what one process has. */
export class MemoryLimit extends SharedLimit {
  readonly #place: MemoryPlace;
  /** What each request fails with while the place is out of reach. */
  failure: Error | undefined;
  readonly requests: LimitRequest[] = [];

  constructor(place = new MemoryPlace()) {
    super();
    this.#place = place;
  }

  async exchange(request: LimitRequest): Promise<LimitReply | LimitConflict> {
    this.requests.push(request);
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    return this.#place.settle(structuredClone(request));
  }

  protected disconnect(): void {}
}
