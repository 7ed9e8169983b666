// What a journal needs of a database. Every driver is held by the contract suite of `sluice/testing`. Types only.
import type { Awaitable } from "sluice";

/** How a run stands. */
export type RunState =
  | "running"
  | "suspended"
  | "failed"
  | "aborted"
  | "drained"
  | "cancelled"
  | "stuck"
  | "done";

/** What is kept of a run as such. Times are ms since 1970, by the clock of the database. */
export interface RunRow {
  readonly id: string;
  readonly state: RunState;
  /** The name of its flow. */
  readonly flow: string;
  /** The flow's `version`, and a hash of its graph. */
  readonly version: string | null;
  readonly graph: string;
  /** Its params as text, and a hash of its first store. */
  readonly params: string;
  readonly input: string;
  /** Steps taken; calls made and tokens spent. */
  readonly steps: number;
  readonly calls: number;
  readonly tokens: number;
  /** What it came to: the text of its action, or of its error. */
  readonly action: string | null;
  readonly error: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** How often it was claimed since it wrote a row last. */
  readonly claims: number;
  /** Whether a process has it now. */
  readonly isOwned: boolean;
  /** That process as `pid@host`, where the database knows it. */
  readonly owner?: string | null | undefined;
}

/** What a run is made with. */
export type NewRun = Pick<RunRow, "id" | "flow" | "version" | "graph" | "params" | "input">;

/** What a claim gives. */
export interface Claim {
  readonly run: RunRow;
  /** Fences what is written under the claim. */
  readonly epoch: number;
  /** Whether the run was made by this claim. */
  readonly isNew: boolean;
}

/** What a value is: a result of `exec`, a call that began, an item that began, where a walk is, a part of a store. */
export type EntryKind = "result" | "once" | "start" | "walk" | "batch" | "store";

/** A value that is kept under a key. */
export interface Entry {
  readonly kind: EntryKind;
  /** The key of a site. */
  readonly key: string;
  /** Which one at that site; empty where there is only one. */
  readonly item: string;
  /** Names an item whatever its index. */
  readonly hash?: string | undefined;
  readonly value: string;
}

/** A question to a person. */
export interface QuestionRow {
  readonly token: string;
  readonly run: string;
  /** The key of its call, and its number among those that the call asks. */
  readonly key: string;
  readonly nth: number;
  readonly question: string;
  /** The JSON Schema of its answer as text, where it has one. */
  readonly schema?: string | null | undefined;
  readonly path: string;
  readonly index: number | null;
  readonly expiresAt: number | null;
  readonly answer: string | null;
  readonly askedAt: number;
}

/** One change; those of one commit are made together or not at all. */
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

/** How a run ends, for now. */
export interface Settlement {
  readonly state: RunState;
  readonly action?: string | null;
  readonly error?: string | null;
}

/** A database that keeps runs. Sync drivers return values, others promises. */
export interface JournalDriver {
  /** What it is, for messages: without passwords. */
  readonly name: string;

  /**
   * Claims a run, which it makes if there is none of that id and `create` is given.
   *
   * @throws SluiceError `JOURNAL_IN_USE`, `RUN_IN_USE`, `RUN_UNKNOWN`.
   */
  claim(id: string, create: NewRun | undefined): Awaitable<Claim>;
  /** Holds a claim for longer. @returns Whether the run was cancelled. @throws SluiceError `RUN_LOST`. */
  renew(id: string, epoch: number): Awaitable<boolean>;
  /** Ends a claim. @returns False for `suspended` where an answer has come that no call has taken: nothing is changed then. @throws SluiceError `RUN_LOST`. */
  settle(id: string, epoch: number, settlement: Settlement): Awaitable<boolean>;

  /** Commits changes, all or none. @param durable - Survives a power loss. @throws SluiceError `RUN_LOST`. */
  commit(id: string, epoch: number, changes: readonly Change[], durable: boolean): Awaitable<void>;

  /** The value of one entry. */
  get(id: string, kind: EntryKind, key: string, item: string): Awaitable<string | undefined>;
  /** All entries of some kinds. */
  load(id: string, kinds: readonly EntryKind[]): Awaitable<readonly Entry[]>;
  /** The items of one site with their hashes, in pages of at most `limit`, by item. @param after - The last item of the page before. */
  items(
    id: string,
    kind: EntryKind,
    key: string,
    after: string | undefined,
    limit: number,
  ): Awaitable<readonly { readonly item: string; readonly hash: string | undefined }[]>;
  /** Deletes some entries at and under a key. @returns Whether there may be more. */
  sweep(id: string, key: string, limit: number): Awaitable<boolean>;

  /** The questions of a run, or of all. */
  questions(id?: string): Awaitable<readonly QuestionRow[]>;
  /** Answers a question. @returns Why not, where it cannot be answered. */
  answer(token: string, answer: string): Awaitable<"answered" | "unknown" | "already" | "expired">;

  /** The newest runs first. */
  runs(filter?: {
    readonly state?: RunState | undefined;
    readonly limit?: number | undefined;
  }): Awaitable<readonly RunRow[]>;
  run(id: string): Awaitable<RunRow | undefined>;
  /** Cancels a run. @returns Whether it was not over. */
  cancel(id: string): Awaitable<boolean>;
  /** The other process, as `pid@host`, that runs flows here so that no one else can. Left out where several may. */
  holder?(): Awaitable<string | undefined>;
  /** Deletes runs that are over and have not changed for so many ms. @returns How many. */
  prune(olderThan: number): Awaitable<number>;
  close(): Awaitable<void>;
}
