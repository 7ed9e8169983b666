// Queries on the tables in SQLite, and changes of a run that need no claim.
import type { Entry, EntryKind, QuestionRow, RunRow, RunState } from "../driver.js";
import { fromSafe, toSafe } from "./safe-text.js";
import type { SqliteConnection } from "./sqlite-database.js";
import { ReadAhead } from "./sqlite-read-ahead.js";
import { ALL, ALL_BUT_THE_STORE, AT_OR_UNDER, deleteSlice, vacuum } from "./sqlite-slices.js";

const RUN_COLUMNS =
  "id, state, flow, version, graph, params, input, steps, calls, tokens, action, error, createdAt, updatedAt, claims, owner";
/** The final states of a run. */
export const OVER = "('done', 'cancelled')";
/** The maximum of rows that one transaction of a prune deletes, which takes 5 ms. */
const SLICE = 2_000;

/** The pattern of a batch item. */
const INDEX = /^(?:0|[1-9]\d{0,14})$/;

/** A row with its texts unescaped. */
function restored<T>(row: T): T {
  const texts = row as Record<string, unknown>;
  for (const name in texts) {
    const value = texts[name];
    if (typeof value === "string") texts[name] = fromSafe(value);
  }
  return row;
}

type HashRow = { readonly hash: string | null };
const withHash = <T extends HashRow>(row: T) => ({ ...restored(row), hash: row.hash ?? undefined });

/** The tables of a journal. */
export abstract class SqliteTables {
  protected readonly connection: SqliteConnection;
  readonly #ahead: ReadAhead;

  constructor(connection: SqliteConnection) {
    this.connection = connection;
    this.#ahead = new ReadAhead(connection);
  }

  /** Whether this process owns a run. */
  protected abstract has(id: string): boolean;
  /** Whether another process, or another driver of this one, runs flows on the file. */
  protected abstract isHeldElsewhere(): Promise<boolean>;

  /** The row number of a run; -1 if it is unknown. */
  protected n(id: string): number {
    const row = this.connection.sql("SELECT n FROM runs WHERE id = ?").get(toSafe(id));
    return (row as { n: number } | undefined)?.n ?? -1;
  }

  get(id: string, kind: EntryKind, key: string, item: string): string | undefined {
    if (kind === "result" && INDEX.test(item)) return this.#ahead.get(this.n(id), key, Number(item));
    const row = this.connection
      .sql("SELECT value FROM entries WHERE run = ? AND kind = ? AND key = ? AND item = ?")
      .get(this.n(id), kind, toSafe(key), toSafe(item));
    return row === undefined ? undefined : fromSafe((row as { value: string }).value);
  }

  load(id: string, kinds: readonly EntryKind[]): Entry[] {
    const list = kinds.map((kind) => `'${kind}'`).join();
    const rows = this.connection
      .sql(`SELECT kind, key, item, hash, value FROM entries WHERE run = ? AND kind IN (${list})`)
      .all(this.n(id));
    return (rows as (Entry & { hash: string | null })[]).map(withHash);
  }

  items(id: string, kind: EntryKind, key: string, after: string | undefined, limit: number) {
    const from = "SELECT item, hash FROM entries WHERE run = ? AND kind = ? AND key = ?";
    const place = [this.n(id), kind, toSafe(key)];
    const rows =
      after === undefined
        ? this.connection.sql(`${from} ORDER BY item LIMIT ?`).all(...place, limit)
        : this.connection
            .sql(`${from} AND item > ? ORDER BY item LIMIT ?`)
            .all(...place, toSafe(after), limit);
    return (rows as { item: string; hash: string | null }[]).map(withHash);
  }

  sweep(id: string, key: string, limit: number): boolean {
    const n = this.n(id);
    const isAll = key === "";
    const hasMore = this.connection.transaction(() => {
      this.connection
        .sql(`DELETE FROM questions WHERE run = ?1 AND ${isAll ? ALL : AT_OR_UNDER}`)
        .run(n, toSafe(key));
      return deleteSlice(this.connection, n, isAll ? ALL_BUT_THE_STORE : AT_OR_UNDER, toSafe(key), limit);
    });
    if (!isAll && !hasMore) return false; // the pages of one step do not justify a vacuum
    if (vacuum(this.connection) || hasMore) return true;
    this.connection.script("PRAGMA wal_checkpoint(PASSIVE)"); // so that the file shrinks
    return false;
  }

  questions(id?: string): QuestionRow[] {
    const columns =
      'token, runs.id AS run, key, nth, question, schema, path, "index", expiresAt, answer, askedAt';
    const from = `SELECT ${columns} FROM questions JOIN runs ON runs.n = questions.run WHERE runs.id`;
    const order = "ORDER BY askedAt, key, nth";
    const rows =
      id === undefined
        ? this.connection.sql(`${from} IS NOT NULL ${order}`).all()
        : this.connection.sql(`${from} = ? ${order}`).all(toSafe(id));
    return (rows as QuestionRow[]).map(restored);
  }

  answer(token: string, answer: string): "answered" | "unknown" | "already" | "expired" {
    return this.connection.transaction(() => {
      const row = this.connection
        .sql("SELECT answer, expiresAt FROM questions WHERE token = ?")
        .get(toSafe(token)) as Pick<QuestionRow, "answer" | "expiresAt"> | undefined;
      if (row === undefined) return "unknown";
      if (row.answer !== null) return "already";
      if (row.expiresAt !== null && row.expiresAt <= Date.now()) return "expired";
      this.connection
        .sql("UPDATE questions SET answer = ? WHERE token = ?")
        .run(toSafe(answer), toSafe(token));
      return "answered";
    });
  }

  async runs({ state, limit }: { state?: RunState; limit?: number } = {}): Promise<RunRow[]> {
    const where = `WHERE id IS NOT NULL ${state === undefined ? "" : "AND state = ?"}`;
    const sql = `SELECT ${RUN_COLUMNS} FROM runs ${where} ORDER BY createdAt DESC, n DESC LIMIT ?`;
    const most = limit === undefined || limit === Number.POSITIVE_INFINITY ? -1 : limit;
    const rows = this.connection.sql(sql).all(...(state === undefined ? [] : [state]), most);
    return this.#owned((rows as RunRow[]).map(restored));
  }

  async run(id: string): Promise<RunRow | undefined> {
    const row = this.row(id);
    return row && (await this.#owned([row]))[0];
  }

  /** Reads a run; `isOwned` covers only this process. */
  protected row(id: string): RunRow | undefined {
    const row = this.connection.sql(`SELECT ${RUN_COLUMNS} FROM runs WHERE id = ?`).get(toSafe(id));
    return row === undefined ? undefined : { ...restored(row as RunRow), isOwned: this.has(id) };
  }

  /**
   * Adds the owners of other processes. The name of a killed process stays at its runs, so it counts only while a
   * process holds the file.
   */
  async #owned(rows: readonly RunRow[]): Promise<RunRow[]> {
    const isElsewhere = ({ id, owner }: RunRow) => owner != null && !this.has(id);
    const isHeld = rows.some(isElsewhere) && (await this.isHeldElsewhere());
    return rows.map((row) => {
      const isOwned = this.has(row.id) || (isHeld && isElsewhere(row));
      return { ...row, isOwned, owner: isOwned ? row.owner : null };
    });
  }

  cancel(id: string): boolean {
    const { changes } = this.connection
      .sql(`UPDATE runs SET state = 'cancelled', updatedAt = ? WHERE id = ? AND state NOT IN ${OVER}`)
      .run(Date.now(), toSafe(id));
    return Number(changes) > 0;
  }

  async prune(olderThan: number): Promise<number> {
    const pruned = this.connection.transaction(() => {
      const rows = this.connection
        .sql(`SELECT n, id FROM runs WHERE id IS NOT NULL AND state IN ${OVER} AND updatedAt <= ?`)
        .all(Date.now() - olderThan) as { n: number; id: string }[];
      const free = rows.filter(({ id }) => !this.has(fromSafe(id)));
      for (const { n } of free) this.connection.sql("UPDATE runs SET id = NULL WHERE n = ?").run(n);
      return free.length;
    });
    // A run without an id is invisible; the next prune deletes what an interrupted one has left.
    const rows = this.connection.sql("SELECT n FROM runs WHERE id IS NULL").all() as { n: number }[];
    for (const { n } of rows) {
      while (this.#pruneSlice(n)) await new Promise((resolve) => setImmediate(resolve));
      this.connection.transaction(() => {
        this.connection.sql("DELETE FROM questions WHERE run = ?").run(n);
        this.connection.sql("DELETE FROM runs WHERE n = ?").run(n);
      });
    }
    return pruned;
  }

  #pruneSlice(n: number): boolean {
    const hasMore = this.connection.transaction(() => deleteSlice(this.connection, n, ALL, "", SLICE));
    return vacuum(this.connection) || hasMore;
  }
}
