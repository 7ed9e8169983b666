// One change to the tables in SQLite.
import type { Change } from "../driver.js";
import { toSafe } from "./safe-text.js";
import type { SqliteConnection } from "./sqlite-database.js";
import { AT_OR_UNDER, OF_ANY_KIND } from "./sqlite-slices.js";

/** Applies a change to the run with a row number, in a transaction. */
export function apply(connection: SqliteConnection, n: number, change: Change): void {
  if ("put" in change) {
    const { kind, key, item, hash, value } = change.put;
    connection
      .sql("INSERT OR REPLACE INTO entries (run, kind, key, item, hash, value) VALUES (?, ?, ?, ?, ?, ?)")
      .run(n, kind, toSafe(key), toSafe(item), hash === undefined ? null : toSafe(hash), toSafe(value));
  } else if ("delete" in change) {
    const { kind, key, item } = change.delete;
    connection
      .sql("DELETE FROM entries WHERE run = ? AND kind = ? AND key = ? AND item = ?")
      .run(n, kind, toSafe(key), toSafe(item));
  } else if ("progress" in change) {
    const { steps, calls, tokens } = change.progress;
    connection
      .sql("UPDATE runs SET steps = ?, calls = ?, tokens = ? WHERE n = ?")
      .run(steps, calls, tokens, n);
  } else if ("ask" in change) {
    const { token, key, nth, question, schema = null, path, index, expiresAt } = change.ask;
    connection
      .sql(
        'INSERT OR IGNORE INTO questions (token, run, key, nth, question, schema, path, "index", expiresAt, askedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(
        toSafe(token),
        n,
        toSafe(key),
        nth,
        toSafe(question),
        schema === null ? null : toSafe(schema),
        toSafe(path),
        index,
        expiresAt === null ? null : Math.round(expiresAt),
        Date.now(),
      );
  } else if ("take" in change) {
    connection
      .sql("UPDATE questions SET isTaken = 1 WHERE run = ? AND token = ?")
      .run(n, toSafe(change.take));
  } else if ("reopen" in change) {
    connection
      .sql("UPDATE questions SET answer = NULL, isTaken = 0 WHERE run = ? AND token = ?")
      .run(n, toSafe(change.reopen));
  } else {
    const key = toSafe(change.drop);
    connection.sql(`DELETE FROM entries WHERE run = ?1 AND ${OF_ANY_KIND} AND ${AT_OR_UNDER}`).run(n, key);
    connection.sql(`DELETE FROM questions WHERE run = ?1 AND ${AT_OR_UNDER}`).run(n, key);
  }
}
