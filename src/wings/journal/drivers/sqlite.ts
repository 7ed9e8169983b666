// A journal in a file of SQLite. One process at a time runs flows on it; any process can read and answer.
import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { SluiceError } from "sluice";
import { describe } from "sluice/internal";
import type { Change, Claim, JournalDriver, NewRun, RunRow, RunState, Settlement } from "../driver.js";
import { inUse, isRow, lost, thisProcess, unknown } from "./claims.js";
import { toSafe } from "./safe-text.js";
import { apply } from "./sqlite-changes.js";
import { SqliteConnection } from "./sqlite-database.js";
import { SqliteOwner } from "./sqlite-owner.js";
import { prepare } from "./sqlite-schema.js";
import { OVER, SqliteTables } from "./sqlite-tables.js";

const safe = (text: string | null): string | null => text && toSafe(text);

/** A journal in one file. */
export class SqliteDriver extends SqliteTables implements JournalDriver {
  readonly name: string;
  readonly #owner: SqliteOwner;
  /** The runs that this process owns, with their row numbers and epochs. */
  readonly #claims = new Map<string, { readonly n: number; readonly epoch: number }>();

  /**
   * Opens a journal.
   * @throws SluiceError `JOURNAL_FAILED` if the file cannot be used, `JOURNAL_VERSION`, `MISSING_DRIVER`.
   */
  static async open(path: string): Promise<SqliteDriver> {
    let connection: SqliteConnection | undefined;
    try {
      connection = await SqliteConnection.open(path);
      await prepare(connection, path);
      return new SqliteDriver(path, connection);
    } catch (cause) {
      connection?.close();
      if (cause instanceof SluiceError) throw cause;
      throw new SluiceError(
        "JOURNAL_FAILED",
        `The journal ${path} cannot be used: ${reasonOf(path, cause)}`,
        {
          cause,
        },
      );
    }
  }

  private constructor(path: string, connection: SqliteConnection) {
    super(connection);
    this.name = path;
    this.#owner = new SqliteOwner(path, () => this.#ownerInFile());
  }

  async claim(id: string, create: NewRun | undefined): Promise<Claim> {
    if (this.#claims.has(id)) throw inUse(id);
    await this.#owner.acquire();
    try {
      return this.connection.transaction(() => this.#claim(id, create));
    } catch (error) {
      this.#owner.release();
      throw error;
    }
  }

  #claim(id: string, create: NewRun | undefined): Claim {
    if (this.#claims.has(id)) throw inUse(id); // by a claim that also waited for the lock of this process
    // Owners in the file are dead processes, because this one holds the file.
    if (this.#claims.size === 0)
      this.connection.sql("UPDATE runs SET owner = NULL WHERE owner IS NOT NULL").run();
    let before = this.row(id);
    const isNew = before === undefined;
    if (before === undefined) {
      if (create === undefined) throw unknown(id);
      before = this.#insert(id, create);
    }
    this.connection
      .sql(
        `UPDATE runs SET epoch = epoch + 1, claims = claims + (state NOT IN ${OVER}), state = iif(state IN ${OVER}, state, 'running'), owner = ? WHERE id = ?`,
      )
      .run(thisProcess(), toSafe(id));
    const claim = this.connection.sql("SELECT n, epoch FROM runs WHERE id = ?").get(toSafe(id)) as {
      n: number;
      epoch: number;
    };
    this.#claims.set(id, claim);
    return { run: before, epoch: claim.epoch, isNew };
  }

  #insert(id: string, { flow, version, graph, params, input }: NewRun): RunRow {
    const now = Date.now();
    const values = [id, flow, version, graph, params, input].map(safe);
    this.connection
      .sql(
        "INSERT INTO runs (id, state, flow, version, graph, params, input, createdAt, updatedAt) VALUES (?, 'running', ?, ?, ?, ?, ?, ?, ?)",
      )
      .run(...values, now, now);
    return this.row(id) as RunRow;
  }

  protected override has(id: string): boolean {
    return this.#claims.has(id);
  }

  protected override async isHeldElsewhere(): Promise<boolean> {
    return this.#claims.size === 0 && this.#owner.isHeldElsewhere();
  }

  /** The process that runs flows on the file, or the last one that did. */
  #ownerInFile(): string | undefined {
    const row = this.connection.sql("SELECT owner FROM runs WHERE owner IS NOT NULL LIMIT 1").get();
    return (row as { owner: string } | undefined)?.owner;
  }

  async holder(): Promise<string | undefined> {
    return (await this.isHeldElsewhere()) ? (this.#ownerInFile() ?? "another process") : undefined;
  }

  protected override n(id: string): number {
    return this.#claims.get(id)?.n ?? super.n(id);
  }

  /** The row number of a claimed run. @throws SluiceError `RUN_LOST`. */
  #claimed(id: string, epoch: number): number {
    const claim = this.#claims.get(id);
    if (claim === undefined || claim.epoch !== epoch) throw lost(id);
    const row = this.connection.sql("SELECT epoch FROM runs WHERE n = ?").get(claim.n);
    if ((row as { epoch: number } | undefined)?.epoch !== epoch) throw lost(id);
    return claim.n;
  }

  renew(id: string, epoch: number): boolean {
    const row = this.connection.sql("SELECT state FROM runs WHERE n = ?").get(this.#claimed(id, epoch));
    return (row as { state: RunState }).state === "cancelled";
  }

  settle(id: string, epoch: number, settlement: Settlement): boolean {
    let hasEnded = true;
    try {
      hasEnded = this.connection.transaction(() => this.#settle(this.#claimed(id, epoch), settlement));
      return hasEnded;
    } finally {
      // A claim whose end cannot be written is over too, because its process no longer runs it.
      if (hasEnded && this.#claims.get(id)?.epoch === epoch) {
        this.#claims.delete(id);
        this.#owner.release();
      }
    }
  }

  #settle(n: number, { state, action = null, error = null }: Settlement): boolean {
    if (state === "suspended") {
      const unseen = "SELECT 1 FROM questions WHERE run = ? AND answer IS NOT NULL AND isTaken = 0 LIMIT 1";
      if (this.connection.sql(unseen).get(n) !== undefined) return false;
    }
    this.connection
      .sql(
        "UPDATE runs SET state = iif(state = 'cancelled', state, ?), action = ?, error = ?, owner = NULL, updatedAt = ? WHERE n = ?",
      )
      .run(state, safe(action), safe(error), Date.now(), n);
    return true;
  }

  commit(id: string, epoch: number, changes: readonly Change[], durable: boolean): void {
    if (durable) this.connection.script("PRAGMA synchronous = FULL");
    try {
      this.connection.transaction(() => {
        const n = this.#claimed(id, epoch);
        for (const change of changes) apply(this.connection, n, change);
        const claims = changes.some(isRow) ? "0" : "claims";
        this.connection
          .sql(`UPDATE runs SET claims = ${claims}, updatedAt = ? WHERE n = ?`)
          .run(Date.now(), n);
      });
    } finally {
      if (durable) this.connection.script("PRAGMA synchronous = NORMAL");
    }
  }

  close(): void {
    this.#owner.close();
    this.#claims.clear();
    try {
      this.connection.script("PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // The next process applies the log to the file.
    }
    this.connection.close();
  }
}

/** Why a file cannot be used, and what to do. */
function reasonOf(path: string, cause: unknown): string {
  const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
  const text = `${code} ${message}`;
  if (!existsSync(dirname(path))) return `there is no folder ${dirname(path)}; make it first`;
  if (/NOTADB|not a database/.test(text)) return "it is no database; name a file of its own for the journal";
  const isReadOnly = /EROFS|EACCES|EPERM|READONLY|readonly/.test(text);
  // The log of SQLite is in the same folder; of a folder that is read-only Node's library says "unable to open" alone.
  if (isReadOnly || !isWritable(dirname(path)) || !isWritable(path))
    return `it cannot be written (${describe(cause)}); make the file and its folder writable`;
  return describe(cause);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
