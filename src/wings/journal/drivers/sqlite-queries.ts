// What a journal in SQLite reads, and what any process may do to it: answer and prune.
import type { Entry, EntryKind, QuestionRow } from "../driver.js";
import type { Prepare } from "./sqlite-changes.js";

/** The states of runs that are over. */
export const OVER = "('done', 'cancelled')";

/** All entries of a run of some kinds. */
export function loadEntries(sql: Prepare, n: number, kinds: readonly EntryKind[]): Entry[] {
  const list = kinds.map((kind) => `'${kind}'`).join();
  const rows = sql(
    `SELECT kind, key, item, hash, value FROM entries WHERE run = ? AND kind IN (${list})`,
  ).all(n);
  return (rows as (Entry & { hash: string | null })[]).map((row) => ({
    ...row,
    hash: row.hash ?? undefined,
  }));
}

/** One page of the items of a site. */
export function itemsOf(
  sql: Prepare,
  n: number,
  kind: EntryKind,
  key: string,
  after: string | undefined,
  limit: number,
) {
  const rows = sql(
    "SELECT item, hash FROM entries WHERE run = ? AND key = ? AND kind = ? AND item > ? ORDER BY item LIMIT ?",
  ).all(n, key, kind, after ?? "", limit);
  return (rows as { item: string; hash: string | null }[]).map(({ item, hash }) => ({
    item,
    hash: hash ?? undefined,
  }));
}

/** The questions of a run, or of all. */
export function questionsOf(sql: Prepare, id: string | undefined): QuestionRow[] {
  const columns = 'token, runs.id AS run, key, nth, question, path, "index", expiresAt, answer, askedAt';
  const from = `SELECT ${columns} FROM questions JOIN runs ON runs.n = questions.run`;
  const rows = id === undefined ? sql(from).all() : sql(`${from} WHERE runs.id = ?`).all(id);
  return rows as QuestionRow[];
}

/** Answers a question, inside a transaction. */
export function answerQuestion(sql: Prepare, token: string, answer: string) {
  const row = sql("SELECT answer, expiresAt FROM questions WHERE token = ?").get(token) as
    | Pick<QuestionRow, "answer" | "expiresAt">
    | undefined;
  if (row === undefined) return "unknown";
  if (row.answer !== null) return "already";
  if (row.expiresAt !== null && row.expiresAt <= Date.now()) return "expired";
  sql("UPDATE questions SET answer = ? WHERE token = ?").run(answer, token);
  return "answered";
}

/** Deletes runs that are over, inside a transaction. @returns How many. */
export function pruneRuns(sql: Prepare, olderThan: number): number {
  const rows = sql(`SELECT n FROM runs WHERE state IN ${OVER} AND updatedAt <= ?`).all(
    Date.now() - olderThan,
  ) as { n: number }[];
  for (const { n } of rows) {
    for (const table of ["entries", "questions"]) sql(`DELETE FROM ${table} WHERE run = ?`).run(n);
    sql("DELETE FROM runs WHERE n = ?").run(n);
  }
  return rows.length;
}
