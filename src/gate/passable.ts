// What a call needs of a gate, of whichever build of sluice. Types only.
import type { PauseWatcher } from "../observe/gate-log.js";
import type { AdaptiveLimit } from "./adaptive-limit.js";
import type { GateCounts } from "./gate-counts.js";
import type { GateWarnings } from "./gate-warnings.js";
import type { RefusalRules } from "./refusal-rules.js";
import type { RequestScopes } from "./request-scopes.js";
import type { Semaphore } from "./semaphore.js";
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
  /** Above 0 while a holder's function runs its first, synchronous part. */
  entered: number;
  /** Whether no call has started since it was paused. */
  paused: boolean;
  readonly watchers: Set<PauseWatcher>;
}
