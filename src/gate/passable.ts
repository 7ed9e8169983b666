// What a call needs of a gate, of whichever build of sluice. Types only: a gate brings the code of its calls with it,
// so that a bundle of nodes without gates has none.
import type { PauseWatcher } from "../observe/gate-log.js";
import type { AcquireRequest } from "./acquire-request.js";
import type { AdaptiveLimit } from "./adaptive-limit.js";
import type { GateCounts } from "./gate-counts.js";
import type { GateWarnings } from "./gate-warnings.js";
import type { Grant } from "./grant.js";
import type { SlotCarrier } from "./held-slots.js";
import type { RefusalRules } from "./refusal-rules.js";
import type { RequestScopes } from "./request-scopes.js";
import type { Semaphore } from "./semaphore.js";
import type { SharedFeed } from "./shared-feed.js";
import type { TokenQueue } from "./token-queue.js";

/** A gate, as calls see it. */
export interface Passable {
  readonly name: string | undefined;
  readonly semaphore: Semaphore | undefined;
  /** Changes the semaphore's limit; `undefined` where the limit is fixed. */
  readonly adaptive: AdaptiveLimit | undefined;
  readonly tokenQueue: TokenQueue;
  /** Tokens that a whole period brings. */
  readonly tokensAPeriod: number;
  readonly refusals: RefusalRules;
  readonly warnings: GateWarnings;
  /** Only on a runtime where timers and promises end with the request that made them. */
  readonly scopes: RequestScopes | undefined;
  readonly counts: GateCounts;
  /** Where permits and slots come from that processes share. */
  readonly shared: SharedFeed | undefined;
  /** Above 0 while a holder's function runs its first, synchronous part. */
  entered: number;
  /** Whether no call has started since it was paused. */
  paused: boolean;
  readonly watchers: Set<PauseWatcher>;
  /** Starts a call that need not wait for anything, or gives `undefined`; slots that it took are kept. */
  tryAcquire(request: AcquireRequest, carrier: SlotCarrier): Grant | undefined;
  /**
   * Runs a call under all gates of the request, of which this is the first: the one that a refusal pauses. A drain or
   * an abort ends its waits with the reason, and gives back what it has taken.
   *
   * @param failed - What the call threw when it started after {@link tryAcquire}: it goes on from there, in the place
   * that {@link Grant.fail} has kept.
   * @throws SluiceError `COST_TOO_HIGH`; the call's own error.
   */
  acquire<T>(
    request: AcquireRequest,
    call: (grant: Grant) => T | PromiseLike<T>,
    failed?: { readonly error: unknown },
  ): Promise<T>;
}
