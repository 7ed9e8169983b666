// A journal in a file of SQLite. One process at a time runs flows on it; reading and answering go from anywhere.
import { SluiceError } from "sluice";
import { quote } from "sluice/internal";
import type {
  Change,
  Claim,
  Entry,
  EntryKind,
  JournalDriver,
  NewRun,
  QuestionRow,
  RunRow,
  RunState,
  Settlement,
} from "../driver.js";
import { inUse, isRow, lost } from "./memory.js";
import { deleteSlice, makeChange } from "./sqlite-changes.js";
import type { Database, Statement } from "./sqlite-database.js";
import { openFile } from "./sqlite-file.js";
import { OwnerLock } from "./sqlite-owner.js";
import { answerQuestion, itemsOf, loadEntries, OVER, pruneRuns, questionsOf } from "./sqlite-queries.js";

/** Pages that a slice of the sweeper gives back to the disk. */
const VACUUMED_AT_ONCE = 200;

const RUN_COLUMNS =
  "id, state, flow, version, graph, params, input, steps, calls, tokens, action, error, createdAt, updatedAt, claims";

/** A journal in one file. */
export class SqliteDriver implements JournalDriver {
  readonly name: string;
  readonly #database: Database;
  readonly #statements = new Map<string, Statement>();
  /** Held while this process has runs. */
  readonly #owner: OwnerLock;
  /** The runs that this process has, with their numbers and epochs. */
  readonly #claims = new Map<string, { readonly n: number; readonly epoch: number }>();

  /** @throws SluiceError `JOURNAL_FAILED` for a file that cannot be opened, `JOURNAL_VERSION`, `MISSING_DRIVER`. */
  static async open(path: string): Promise<SqliteDriver> {
    return new SqliteDriver(path, await openFile(path));
  }

  private constructor(path: string, database: Database) {
    this.name = path;
    this.#database = database;
    this.#owner = new OwnerLock(path);
  }

  #sql(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }
  readonly #prepare = (sql: string): Statement => this.#sql(sql);

  #transaction<T>(work: () => T): T {
    this.#sql("BEGIN IMMEDIATE").run();
    try {
      const value = work();
      this.#sql("COMMIT").run();
      return value;
    } catch (error) {
      try {
        this.#sql("ROLLBACK").run();
      } catch {
        // SQLite has rolled back by itself, as it does on a full disk.
      }
      throw error;
    }
  }

  async claim(id: string, create: NewRun | undefined): Promise<Claim> {
    if (this.#claims.has(id)) throw inUse(id);
    await this.#owner.take();
    try {
      return this.#transaction(() => this.#claim(id, create));
    } finally {
      this.#disown();
    }
  }

  #claim(id: string, create: NewRun | undefined): Claim {
    const now = Date.now();
    const before = this.run(id);
    if (before === undefined) {
      if (create === undefined) throw new SluiceError("RUN_LOST", `There is no run ${quote(id)}`);
      const { flow, version, graph, params, input } = create;
      this.#sql(
        "INSERT INTO runs (id, state, flow, version, graph, params, input, createdAt, updatedAt) VALUES (?, 'running', ?, ?, ?, ?, ?, ?, ?)",
      ).run(id, flow, version, graph, params, input, now, now);
    }
    this.#sql(
      `UPDATE runs SET epoch = epoch + 1, claims = claims + 1, state = iif(state IN ${OVER}, state, 'running') WHERE id = ?`,
    ).run(id);
    const { n, epoch } = this.#sql("SELECT n, epoch FROM runs WHERE id = ?").get(id) as {
      n: number;
      epoch: number;
    };
    this.#claims.set(id, { n, epoch });
    return { run: before ?? (this.run(id) as RunRow), epoch, isNew: before === undefined };
  }

  #disown(): void {
    if (this.#claims.size === 0) this.#owner.release();
  }

  #claimed(id: string, epoch: number): number {
    const claim = this.#claims.get(id);
    if (claim === undefined || claim.epoch !== epoch) throw lost(id);
    const row = this.#sql("SELECT epoch FROM runs WHERE n = ?").get(claim.n) as { epoch: number } | undefined;
    if (row?.epoch !== epoch) throw lost(id);
    return claim.n;
  }

  renew(id: string, epoch: number): boolean {
    return this.#stateOf(this.#claimed(id, epoch)) === "cancelled";
  }

  #stateOf(n: number): RunState {
    return (this.#sql("SELECT state FROM runs WHERE n = ?").get(n) as { state: RunState }).state;
  }

  settle(id: string, epoch: number, settlement: Settlement): boolean {
    let isSettled = true;
    try {
      isSettled = this.#settle(id, epoch, settlement);
      return isSettled;
    } finally {
      // Also where the database cannot write: the run can then go on later.
      if (isSettled) {
        this.#claims.delete(id);
        this.#disown();
      }
    }
  }

  #settle(id: string, epoch: number, { state, action = null, error = null }: Settlement): boolean {
    return this.#transaction(() => {
      const n = this.#claimed(id, epoch);
      if (state === "suspended") {
        const answered = this.#sql(
          "SELECT 1 FROM questions WHERE run = ? AND answer IS NOT NULL AND isTaken = 0 LIMIT 1",
        ).get(n);
        if (answered !== undefined) return false;
      }
      this.#sql(
        "UPDATE runs SET state = iif(state = 'cancelled', state, ?), action = ?, error = ?, updatedAt = ? WHERE n = ?",
      ).run(state, action, error, Date.now(), n);
      return true;
    });
  }

  commit(id: string, epoch: number, changes: readonly Change[], durable: boolean): void {
    if (durable) this.#database.run("PRAGMA synchronous = FULL");
    try {
      this.#transaction(() => {
        const n = this.#claimed(id, epoch);
        for (const change of changes) makeChange(this.#prepare, n, change);
        const claims = changes.some(isRow) ? "0" : "claims";
        this.#sql(`UPDATE runs SET claims = ${claims}, updatedAt = ? WHERE n = ?`).run(Date.now(), n);
      });
    } finally {
      if (durable) this.#database.run("PRAGMA synchronous = NORMAL");
    }
  }

  get(id: string, kind: EntryKind, key: string, item: string): string | undefined {
    const row = this.#sql(
      "SELECT value FROM entries WHERE run = ? AND key = ? AND kind = ? AND item = ?",
    ).get(this.#n(id), key, kind, item);
    return (row as { value: string } | undefined)?.value;
  }

  #n(id: string): number {
    const claim = this.#claims.get(id);
    if (claim !== undefined) return claim.n;
    return (this.#sql("SELECT n FROM runs WHERE id = ?").get(id) as { n: number } | undefined)?.n ?? -1;
  }

  load(id: string, kinds: readonly EntryKind[]): Entry[] {
    return loadEntries(this.#prepare, this.#n(id), kinds);
  }

  items(id: string, kind: EntryKind, key: string, after: string | undefined, limit: number) {
    return itemsOf(this.#prepare, this.#n(id), kind, key, after, limit);
  }

  sweep(id: string, key: string, limit: number): boolean {
    const n = this.#n(id);
    const hasMore = this.#transaction(() => deleteSlice(this.#prepare, n, key, limit));
    if (key !== "" && !hasMore) return false;
    this.#database.run(`PRAGMA incremental_vacuum(${VACUUMED_AT_ONCE})`);
    if (hasMore || this.#freePages > 0) return true;
    this.#database.run("PRAGMA wal_checkpoint(PASSIVE)"); // so that the file itself gets smaller
    return false;
  }

  /** Pages that are in the file and hold nothing. */
  get #freePages(): number {
    return Number((this.#sql("PRAGMA freelist_count").get() as { freelist_count: number }).freelist_count);
  }

  questions(id?: string): QuestionRow[] {
    return questionsOf(this.#prepare, id);
  }

  answer(token: string, answer: string): "answered" | "unknown" | "already" | "expired" {
    return this.#transaction(() => answerQuestion(this.#prepare, token, answer));
  }

  run(id: string): RunRow | undefined {
    const row = this.#sql(`SELECT ${RUN_COLUMNS} FROM runs WHERE id = ?`).get(id);
    return row === undefined ? undefined : this.#owned(row as RunRow);
  }

  /** Only the process that holds the lock runs anything. */
  #owned = (row: RunRow): RunRow => ({
    ...row,
    isOwned: row.state === "running" && this.#claims.has(row.id),
  });

  runs({ state, limit }: { state?: RunState; limit?: number } = {}): RunRow[] {
    const where = state === undefined ? "" : "WHERE state = ?";
    const sql = `SELECT ${RUN_COLUMNS} FROM runs ${where} ORDER BY createdAt DESC, n DESC LIMIT ${Number.isFinite(limit) ? limit : -1}`;
    const rows = state === undefined ? this.#sql(sql).all() : this.#sql(sql).all(state);
    return (rows as RunRow[]).map(this.#owned);
  }

  cancel(id: string): boolean {
    const { changes } = this.#sql(
      `UPDATE runs SET state = 'cancelled', updatedAt = ? WHERE id = ? AND state NOT IN ${OVER}`,
    ).run(Date.now(), id);
    return Number(changes) > 0;
  }

  prune(olderThan: number): number {
    return this.#transaction(() => pruneRuns(this.#prepare, olderThan));
  }

  close(): void {
    this.#owner.release();
    try {
      this.#database.run("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // The next process brings what is in the log into the file.
    }
    this.#database.close();
  }
}
