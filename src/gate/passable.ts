// The interface between calls and gates of any build of sluice. Types only: a gate has the code of its calls, so that a
// bundle of nodes without gates has none of it.
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

/** A gate as calls see it. */
export interface Passable {
  readonly name: string | undefined;
  readonly semaphore: Semaphore | undefined;
  /** Adapts the semaphore's limit; `undefined` if the limit is fixed. */
  readonly adaptive: AdaptiveLimit | undefined;
  readonly tokenQueue: TokenQueue;
  /** Tokens per period. */
  readonly tokensAPeriod: number;
  readonly refusals: RefusalRules;
  readonly warnings: GateWarnings;
  /** Only on a runtime whose timers and promises end with their request. */
  readonly scopes: RequestScopes | undefined;
  readonly counts: GateCounts;
  /** The source of permits and slots that processes share. */
  readonly shared: SharedFeed | undefined;
  /** Above 0 during the synchronous part of a function that holds a slot. */
  entered: number;
  /** Whether no call has started since the last pause began. */
  paused: boolean;
  readonly watchers: Set<PauseWatcher>;
  /** Starts a call without a wait, or returns `undefined`; the carrier keeps slots that it took. */
  tryAcquire(request: AcquireRequest, carrier: SlotCarrier): Grant | undefined;
  /**
   * Runs a call under all gates of the request, the first of which is this gate, which a refusal pauses. A drain or an
   * abort ends its waits with the reason, and returns what it has taken.
   *
   * @param failed - The error of a call that started by {@link tryAcquire}: it continues from there, in the place that
   * {@link Grant.fail} has kept.
   * @throws SluiceError `COST_TOO_HIGH`; the call's own error.
   */
  acquire<T>(
    request: AcquireRequest,
    call: (grant: Grant) => T | PromiseLike<T>,
    failed?: { readonly error: unknown },
  ): Promise<T>;
}
