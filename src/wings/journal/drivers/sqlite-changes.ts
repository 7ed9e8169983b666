// What a journal in SQLite writes of a run, as statements.
import type { Change, Entry } from "../driver.js";
import type { Statement } from "./sqlite-database.js";

/** Gives the prepared statement of a text. */
export type Prepare = (sql: string) => Statement;

/** Whether a key is at or under another: the next character is one of those that keys have there. */
const UNDER =
  "(key >= ?2 AND key < ?2 || '~' AND substr(key, length(?2) + 1, 1) IN ('', '/', '[', '|', '!'))";

/** Makes one change of a run, inside a transaction. */
export function makeChange(sql: Prepare, n: number, change: Change): void {
  if ("put" in change) {
    const { kind, key, item, hash = null, value } = change.put;
    sql("INSERT OR REPLACE INTO entries (run, key, kind, item, hash, value) VALUES (?, ?, ?, ?, ?, ?)").run(
      n,
      key,
      kind,
      item,
      hash,
      value,
    );
  } else if ("delete" in change) {
    const { kind, key, item } = change.delete;
    sql("DELETE FROM entries WHERE run = ? AND key = ? AND kind = ? AND item = ?").run(n, key, kind, item);
  } else if ("progress" in change) {
    const { steps, calls, tokens } = change.progress;
    sql("UPDATE runs SET steps = ?, calls = ?, tokens = ? WHERE n = ?").run(steps, calls, tokens, n);
  } else if ("ask" in change) {
    const { token, key, nth, question, path, index, expiresAt } = change.ask;
    sql(
      'INSERT OR IGNORE INTO questions (token, run, key, nth, question, path, "index", expiresAt, askedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(token, n, key, nth, question, path, index, expiresAt, Date.now());
  } else if ("take" in change) {
    sql("UPDATE questions SET isTaken = 1 WHERE token = ?").run(change.take);
  } else if ("reopen" in change) {
    sql("UPDATE questions SET answer = NULL, isTaken = 0 WHERE token = ?").run(change.reopen);
  } else {
    sql(`DELETE FROM entries WHERE run = ?1 AND ${UNDER}`).run(n, change.drop);
    sql(`DELETE FROM questions WHERE run = ?1 AND ${UNDER}`).run(n, change.drop);
  }
}

/**
 * Deletes some rows at and under a key, inside a transaction; an empty one stands for the whole run.
 *
 * @returns Whether there are more.
 */
export function deleteSlice(sql: Prepare, n: number, key: string, limit: number): boolean {
  // A slice ends at a row: with a LIMIT in a subquery, SQLite looks at every row of the run for each slice.
  // All but the store of the run itself, whose key is empty.
  const where = `run = ?1 AND ${key === "" ? "key > ?2" : UNDER}`;
  const next = sql(
    `SELECT key, kind, item FROM entries WHERE ${where} ORDER BY key, kind, item LIMIT 1 OFFSET ${limit}`,
  ).get(n, key) as Pick<Entry, "key" | "kind" | "item"> | undefined;
  if (next === undefined) sql(`DELETE FROM entries WHERE ${where}`).run(n, key);
  else {
    const before = "(key, kind, item) < (?3, ?4, ?5)";
    sql(`DELETE FROM entries WHERE ${where} AND ${before}`).run(n, key, next.key, next.kind, next.item);
  }
  sql(`DELETE FROM questions WHERE run = ?1 AND ${key === "" ? "key > ?2" : UNDER}`).run(n, key);
  return next !== undefined;
}
