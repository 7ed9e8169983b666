// The interface of a journal's database. The contract suite of `sluice/testing` tests every driver. Types only.
import type { Awaitable } from "sluice";

/** The state of a run. */
export type RunState =
  | "running"
  | "suspended"
  | "failed"
  | "aborted"
  | "drained"
  | "cancelled"
  | "stuck"
  | "done";

/** The row of a run. Times are ms since 1970, by the clock of the database. */
export interface RunRow {
  readonly id: string;
  readonly state: RunState;
  /** The name of its flow. */
  readonly flow: string;
  /** The flow's `version`, and a hash of its graph. */
  readonly version: string | null;
  readonly graph: string;
  /** Its params as text; `input` is a hash of its first store. */
  readonly params: string;
  readonly input: string;
  /** The numbers of steps, calls and tokens. */
  readonly steps: number;
  readonly calls: number;
  readonly tokens: number;
  /** The text of its last action; `error` is the text of its error. */
  readonly action: string | null;
  readonly error: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The number of claims since its last row was written. */
  readonly claims: number;
  /** Whether a process owns it now. */
  readonly isOwned: boolean;
  /** The owner as `pid@host`, if the database knows it. */
  readonly owner?: string | null | undefined;
}

/** The fields of a new run. */
export type NewRun = Pick<RunRow, "id" | "flow" | "version" | "graph" | "params" | "input">;

/** The result of a claim. */
export interface Claim {
  readonly run: RunRow;
  /** Fences the writes of the claim. */
  readonly epoch: number;
  /** Whether this claim created the run. */
  readonly isNew: boolean;
}

/**
 * The kind of a value: a result of `exec`, a begun call, a begun item, the position of a walk, a batch, a part of a
 * store.
 */
export type EntryKind = "result" | "once" | "start" | "walk" | "batch" | "store";

/** A value under a key. */
export interface Entry {
  readonly kind: EntryKind;
  /** The key of the step. */
  readonly key: string;
  /** The item of the step; `""` if there is only one value. */
  readonly item: string;
  /** Identifies an item independently of its index. */
  readonly hash?: string | undefined;
  readonly value: string;
}

/** A question to a person. */
export interface QuestionRow {
  readonly token: string;
  readonly run: string;
  /** The key of its call; `nth` is its number in the call. */
  readonly key: string;
  readonly nth: number;
  readonly question: string;
  /** The JSON Schema of its answer as text, if there is one. */
  readonly schema?: string | null | undefined;
  readonly path: string;
  readonly index: number | null;
  readonly expiresAt: number | null;
  readonly answer: string | null;
  readonly askedAt: number;
}

/** One change; those of one commit are applied atomically. */
export type Change =
  | { readonly put: Entry }
  | { readonly delete: Pick<Entry, "kind" | "key" | "item"> }
  /** Everything at and under the key of a step, an item or a walk, questions too. */
  | { readonly drop: string }
  | { readonly ask: Omit<QuestionRow, "run" | "answer" | "askedAt"> }
  /** An answer has come to its call; or it did not fit, and the question is open again. */
  | { readonly take: string }
  | { readonly reopen: string }
  | { readonly progress: Pick<RunRow, "steps" | "calls" | "tokens"> };

/** The end of a run, which may be temporary. */
export interface Settlement {
  readonly state: RunState;
  readonly action?: string | null;
  readonly error?: string | null;
}

/** A database of runs. Synchronous drivers return values, others promises. */
export interface JournalDriver {
  /** Its name for messages, without passwords. */
  readonly name: string;

  /**
   * Claims a run. Creates it if the id is unknown and `create` is given.
   *
   * @throws SluiceError `JOURNAL_IN_USE`, `RUN_IN_USE`, `RUN_UNKNOWN`.
   */
  claim(id: string, create: NewRun | undefined): Awaitable<Claim>;
  /** Renews a claim. @returns Whether the run was cancelled. @throws SluiceError `RUN_LOST`. */
  renew(id: string, epoch: number): Awaitable<boolean>;
  /**
   * Ends a claim.
   * @returns False for `suspended` if there is an answer that no call has taken; then nothing is changed.
   * @throws SluiceError `RUN_LOST`.
   */
  settle(id: string, epoch: number, settlement: Settlement): Awaitable<boolean>;

  /** Commits changes, all or none. @param durable - Survives a power loss. @throws SluiceError `RUN_LOST`. */
  commit(id: string, epoch: number, changes: readonly Change[], durable: boolean): Awaitable<void>;

  /** Returns the value of one entry. */
  get(id: string, kind: EntryKind, key: string, item: string): Awaitable<string | undefined>;
  /** Returns all entries of some kinds. */
  load(id: string, kinds: readonly EntryKind[]): Awaitable<readonly Entry[]>;
  /**
   * Returns the items of one step with their hashes, in pages of at most `limit`, by item.
   * @param after - The last item of the page before.
   */
  items(
    id: string,
    kind: EntryKind,
    key: string,
    after: string | undefined,
    limit: number,
  ): Awaitable<readonly { readonly item: string; readonly hash: string | undefined }[]>;
  /** Deletes some entries at and under a key. @returns Whether there may be more. */
  sweep(id: string, key: string, limit: number): Awaitable<boolean>;

  /** Returns the questions of a run, or of all runs. */
  questions(id?: string): Awaitable<readonly QuestionRow[]>;
  /** Answers a question. @returns `"answered"`, or the reason why it cannot be answered. */
  answer(token: string, answer: string): Awaitable<"answered" | "unknown" | "already" | "expired">;

  /** Returns runs, the newest first. */
  runs(filter?: {
    readonly state?: RunState | undefined;
    readonly limit?: number | undefined;
  }): Awaitable<readonly RunRow[]>;
  run(id: string): Awaitable<RunRow | undefined>;
  /** Cancels a run. @returns Whether it was not over. */
  cancel(id: string): Awaitable<boolean>;
  /**
   * Returns the other process, as `pid@host`, that has exclusive use of the database. Absent if several processes may
   * use it.
   */
  holder?(): Awaitable<string | undefined>;
  /** Deletes runs that are over and have not changed for this many ms. @returns Their number. */
  prune(olderThan: number): Awaitable<number>;
  close(): Awaitable<void>;
}
