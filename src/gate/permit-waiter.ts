// A call that waits for permits, as its queues see it. Types only.
import type { TokenQueue } from "./token-queue.js";

/** What a call costs. */
export interface Costed {
  readonly tokens: number;
  /** Whether it is part of a call that has started: a slow start that waits for that one must not hold it back. */
  readonly isNested?: boolean;
}

/** A call that waits for permits of one gate, or of several at one moment. */
export interface PermitWaiter extends Costed {
  /** The queue that starts it; and the others that must have permits for it too. */
  readonly primary: TokenQueue;
  readonly others: readonly TokenQueue[];
  /** Leaves all queues and starts the call. */
  start(): void;
  /** Leaves all queues and fails the call. */
  fail(error: unknown): void;
  /** Whether only its own timer may start it: see request-scope.ts. */
  readonly startsItself: boolean;
}
