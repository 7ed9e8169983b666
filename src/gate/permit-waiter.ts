// A call that waits for permits. Types only.
import type { TokenQueue } from "./token-queue.js";

/** The cost of a call. */
export interface Costed {
  readonly tokens: number;
  /** Whether it is nested in a started call, so that a slow start must not delay it. */
  readonly isNested?: boolean;
}

/** A call that waits for permits of one gate, or of several gates at one moment. */
export interface PermitWaiter extends Costed {
  /** The queue that starts it; `others` must have permits for it too. */
  readonly primary: TokenQueue;
  readonly others: readonly TokenQueue[];
  /** Leaves all queues and starts the call. */
  start(): void;
  /** Leaves all queues and fails the call. */
  fail(error: unknown): void;
  /** Whether only its own timer may start it: see request-scopes.ts. */
  readonly startsItself: boolean;
}
