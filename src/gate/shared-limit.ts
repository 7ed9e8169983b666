// SharedLimit: the protocol between a gate and the place that holds the limit for several processes. A gate imports
// only its types, so that a bundle without a shared limit has none of its code.
import { SHARED_LIMIT } from "../base/keys.js";
import type { Rate } from "./rate.js";
import { SharedFeed } from "./shared-feed.js";

/** A token bucket that all gates share: it refills by `perMs` up to `capacity`. */
export interface SharedBucket {
  readonly perMs: number;
  readonly capacity: number;
}

/** An amount of requests and of tokens. */
export interface SharedAmount {
  readonly requests: number;
  readonly tokens: number;
}

/** The report and request of one gate. */
export interface LimitRequest {
  /** The unique id of the gate, the same in all its requests. */
  readonly owner: string;
  /** The limits as text, which must be the same for all gates at one place. */
  readonly terms: string;
  /** Slots of all gates together; `null` without a limit. */
  readonly slots: number | null;
  /** The bucket of requests; `null` without a limit. A new one is empty. */
  readonly requests: SharedBucket | null;
  /** The bucket of tokens; `null` without a limit. */
  readonly tokens: SharedBucket | null;
  /** The {@link LimitReply.epoch} of the last reply; `""` before the first. */
  readonly epoch: string;
  /** Slots that the gate keeps; any others are free. */
  readonly held: number;
  /** The total of slots that it could use. */
  readonly wanted: number;
  /** The tokens of each waiting call, in order. */
  readonly calls: readonly number[];
  /** The number of these calls that have a slot or need none. */
  readonly ready: number;
  /** Returned permits: those not used, less the tokens that calls cost beyond their reservation. */
  readonly back: SharedAmount;
  /** Milliseconds for which all gates must pause from now on; 0 for no pause. */
  readonly pause: number;
  /** What the gate knows in case the place has lost its state: debts as negative levels, and a pause in ms. */
  readonly known: SharedAmount & { readonly pause: number };
  /** Whether the gate is closed and sends no further request. */
  readonly leaves: boolean;
}

/** The reply to a gate. */
export interface LimitReply {
  /** Changes when the place has lost its state or may have missed reports; permits of an earlier epoch are void. */
  readonly epoch: string;
  /** Slots that the gate may use: `held` plus added ones. If fewer than `held`, it returns slots as calls end. */
  readonly slots: number;
  /** The number of calls that may start, from the first on. */
  readonly calls: number;
  /** Milliseconds until they may start; without calls, until the next request for permits. */
  readonly wait: number;
  /** Milliseconds until the next request for slots. */
  readonly poll: number;
  /** Remaining milliseconds of the pause; 0 without one. */
  readonly pause: number;
  /** The levels of the buckets; debts are negative. 0 without a limit. */
  readonly levels: SharedAmount;
  /** Whether the gate's pending debt was revoked, because the gate had not reported for a second. */
  readonly revoked: boolean;
}

/** The reply if the place has gates with other limits. */
export interface LimitConflict {
  /** The {@link LimitRequest.terms} of the other gates. */
  readonly differs: string;
}

/** The limits in the options of a gate. */
export interface SharedTerms {
  readonly concurrency: number;
  readonly rate: Rate | undefined;
}

/**
 * One limit for the gates of many processes. `redisLimit` of `sluice/redis` is one; for another store extend this
 * class, and test it with `sharedLimitContract` of `sluice/testing`.
 *
 * The place keeps for each limit a bucket of requests, a bucket of tokens, a pause, and the slots of each gate. {@link
 * exchange} reads and changes all of it atomically, by one clock. Its contract:
 *
 * - Calls are granted in order while the buckets cover their cost. A first call that does not fit is granted alone, as
 * a debt, and waits until the debt is paid.
 * - The slots of a gate that has not reported for 10 s are free. Slots are shared evenly: a gate with more than its
 * share returns slots while a gate with less waits.
 * - A place without state, or one that may have missed reports, grants nothing for a second, so that all gates can
 * report what they hold. After that its buckets are empty.
 */
export abstract class SharedLimit {
  readonly #feeds = new Set<SharedFeed>();
  #closing: Promise<void> | undefined;

  /**
   * Settles the report of a gate, and grants what it requests. A gate sends one request at a time; if the reply is lost
   * it sends the request again, without the returned permits.
   *
   * @throws SluiceError If waiting cannot help: waiting calls reject with it. Any other error means that the place is
   * unreachable: calls wait, and the gate tries again.
   */
  abstract exchange(request: LimitRequest): Promise<LimitReply | LimitConflict>;

  /** Closes connections; called once, after the last request. */
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
