// Deletes rows in SQLite in slices, and releases empty pages.
import type { EntryKind } from "../driver.js";
import type { SqliteConnection } from "./sqlite-database.js";

/** The index of entries begins with the run and the kind. */
const KINDS = ["result", "once", "start", "walk", "batch", "store"] as const satisfies readonly EntryKind[];
export const OF_ANY_KIND = `kind IN (${KINDS.map((kind) => `'${kind}'`).join(", ")})`;

/** SQL for whether a key is at or under `?2`: the next character must be a separator. */
export const AT_OR_UNDER =
  "(key >= ?2 AND key < ?2 || '~' AND substr(key, length(?2) + 1, 1) IN ('', '/', '[', '|', '!'))";
/** SQL for everything but the store of the run itself, if `?2` is empty. */
export const ALL_BUT_THE_STORE = "NOT (kind = 'store' AND key = ?2)";
/** SQL for everything, if `?2` is empty. */
export const ALL = "key >= ?2";

/** The maximum of pages released at once. */
const VACUUMED_AT_ONCE = 200;

/**
 * Deletes up to `limit` entries of the run with a row number, in a transaction.
 *
 * @param which - An SQL expression on an entry and the key `?2`.
 * @returns Whether there are more.
 */
export function deleteSlice(
  connection: SqliteConnection,
  n: number,
  which: string,
  key: string,
  limit: number,
): boolean {
  const rows = `FROM entries WHERE run = ?1 AND ${which}`;
  const some = `SELECT count(*) AS count FROM (SELECT 1 ${rows} AND ${OF_ANY_KIND} LIMIT ?3)`;
  const { count } = connection.sql(some).get(n, key, limit + 1) as { readonly count: number };
  if (Number(count) <= limit) {
    if (Number(count) > 0) connection.sql(`DELETE ${rows} AND ${OF_ANY_KIND}`).run(n, key);
    return false;
  }
  // A slice ends at a row: with a LIMIT in a subquery, SQLite scans every row of the run for each slice.
  let left = limit;
  for (const kind of KINDS) {
    const next = connection
      .sql(`SELECT key, item ${rows} AND kind = ?3 ORDER BY key, item LIMIT 1 OFFSET ?4`)
      .get(n, key, kind, left) as { readonly key: string; readonly item: string } | undefined;
    if (next !== undefined) {
      const before = `DELETE ${rows} AND kind = ?3 AND (key, item) < (?4, ?5)`;
      connection.sql(before).run(n, key, kind, next.key, next.item);
      return true;
    }
    left -= Number(connection.sql(`DELETE ${rows} AND kind = ?3`).run(n, key, kind).changes);
  }
  return false;
}

const freePages = (connection: SqliteConnection): number => connection.pragma("freelist_count");

/** Releases some empty pages to the disk. @returns Whether there are more. */
export function vacuum(connection: SqliteConnection): boolean {
  const before = freePages(connection);
  if (before === 0) return false;
  connection.script(`PRAGMA incremental_vacuum(${VACUUMED_AT_ONCE})`);
  const left = freePages(connection);
  return left > 0 && left < before;
}
