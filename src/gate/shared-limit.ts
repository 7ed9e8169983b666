// SharedLimit: what a gate asks of a place that the gates of several processes share. A gate imports its types only, so
// that a bundle without a shared limit has nothing of it.
import { SHARED_LIMIT } from "../base/keys.js";
import type { Rate } from "./rate.js";
import { SharedFeed } from "./shared-feed.js";

/** A token bucket that all gates spend from: it rises by `perMs` up to `capacity`. */
export interface SharedBucket {
  readonly perMs: number;
  readonly capacity: number;
}

/** An amount of requests and of tokens. */
export interface SharedAmount {
  readonly requests: number;
  readonly tokens: number;
}

/** What one gate reports and asks for. */
export interface LimitRequest {
  /** Names the gate; the same in all its requests, and no other gate has it. */
  readonly owner: string;
  /** The limits in words: all gates at one place must have the same. */
  readonly terms: string;
  /** Slots of all gates together; `null` without a limit. */
  readonly slots: number | null;
  /** The bucket of requests; `null` without a limit. A new one is empty. */
  readonly requests: SharedBucket | null;
  /** The bucket of tokens; `null` without a limit. */
  readonly tokens: SharedBucket | null;
  /** The {@link LimitReply.epoch} of the last reply; `""` before the first. */
  readonly epoch: string;
  /** Slots that the gate keeps. What it had beyond these is free. */
  readonly held: number;
  /** Slots that it could use in all. */
  readonly wanted: number;
  /** The tokens of each call that waits, in order. */
  readonly calls: readonly number[];
  /** How many of these calls have a slot already, or need none. */
  readonly ready: number;
  /** What comes back: permits that were not used, less the tokens that calls cost beyond those reserved. */
  readonly back: SharedAmount;
  /** The ms for which all gates must pause from now on; 0 for none. */
  readonly pause: number;
  /** What the gate knows of the place, if that has lost its state: debts as negative levels, and the ms of a pause. */
  readonly known: SharedAmount & { readonly pause: number };
  /** Whether the gate is closed: it asks for nothing any more. */
  readonly leaves: boolean;
}

/** What a gate gets. */
export interface LimitReply {
  /** Changes when the place has lost state, or may have missed reports: permits of an earlier epoch are void. */
  readonly epoch: string;
  /** Slots that the gate may use: `held` and those added now. Fewer than `held`: as calls end, it gives back. */
  readonly slots: number;
  /** How many of the calls may start, the first ones. */
  readonly calls: number;
  /** The ms until they may. Without calls: the ms until it makes sense to ask again, for permits. */
  readonly wait: number;
  /** The ms after which it makes sense to ask again, for slots. */
  readonly poll: number;
  /** The ms that the pause lasts; 0 without one. */
  readonly pause: number;
  /** What is left in the buckets; debts are negative. 0 for what has no limit. */
  readonly levels: SharedAmount;
  /** Whether permits that the gate waits for were taken back, because it had not reported for a second. */
  readonly revoked: boolean;
}

/** The reply where gates with other limits share the place. */
export interface LimitConflict {
  /** The {@link LimitRequest.terms} of the others. */
  readonly differs: string;
}

/** The limits of a gate, as `Gate` was given them. */
export interface SharedTerms {
  readonly concurrency: number;
  readonly rate: Rate | undefined;
}

/**
 * One limit for the gates of many processes. `redisLimit` of `sluice/redis` is one; to keep the limit elsewhere, extend
 * this class, and hold yours to `sharedLimitContract` of `sluice/testing`.
 *
 * The place keeps, for each limit: a bucket of requests and one of tokens, a pause, and for each gate the slots that it
 * has. {@link exchange} reads and changes all of it at one moment, by one clock. It must hold to this:
 *
 * - Calls are granted in order while the buckets have what they cost. If they do not have it for the first call, that
 *   one is granted as a debt, and waits until the debt is paid.
 * - Slots of a gate that has not reported for 10 s are free. Slots are spread evenly: a gate with more than its
 *   share has to give back when another one waits that has less.
 * - A place without state, or one that may have missed reports, grants nothing for a second, so that all gates can
 *   report what they hold. Its buckets are then empty.
 */
export abstract class SharedLimit {
  readonly #feeds = new Set<SharedFeed>();
  #closing: Promise<void> | undefined;

  /**
   * Settles what a gate reports, and grants what it asks for. There is one request of a gate at a time; one whose reply
   * is lost is made again, without what came back in it.
   *
   * @throws SluiceError For what waiting does not fix: calls that wait reject with it. With any other error the place
   *   counts as out of reach: calls wait, and the gate asks again.
   */
  abstract exchange(request: LimitRequest): Promise<LimitReply | LimitConflict>;

  /** Ends connections; called once, when no gate asks any more. */
  protected abstract disconnect(): Promise<void> | void;

  /** Returns what no call uses, rejects the calls that wait with `LIMIT_CLOSED`, and ends the connection. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#feeds].map((feed) => feed.leave())).then(() => this.disconnect());
    return this.#closing;
  }

  /** @internal */
  [SHARED_LIMIT](terms: SharedTerms): SharedFeed {
    const feed = new SharedFeed(this, terms);
    this.#feeds.add(feed);
    if (this.#closing !== undefined) void feed.leave();
    return feed;
  }
}
