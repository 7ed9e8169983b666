// Queries on the tables in PostgreSQL, and changes of a run that need no claim.
import type { Entry, EntryKind, QuestionRow, RunRow, RunState } from "../driver.js";
import type { PostgresConnection } from "./postgres-connection.js";
import { Gets } from "./postgres-gets.js";
import { ANY_KIND, indexed, isUnderSql, under } from "./postgres-keys.js";
import { IS_OWNED, QUESTION, questionOf, RUN, runOf } from "./postgres-rows.js";
import { fromSafe, toSafe } from "./safe-text.js";

/** The final states of a run. */
export const OVER = "('done', 'cancelled')";
/** The maximum of rows that one statement of a prune deletes. */
const SLICE = 5_000;

const hashOf = (hash: string | null): string | undefined => (hash === null ? undefined : fromSafe(hash));

/** The tables of a journal. */
export class PostgresTables {
  protected readonly connection: PostgresConnection;
  readonly #gets: Gets;

  constructor(connection: PostgresConnection) {
    this.connection = connection;
    this.#gets = new Gets(connection);
  }

  get(id: string, kind: EntryKind, key: string, item: string): Promise<string | undefined> {
    return this.#gets.get(id, kind, key, item);
  }

  async load(id: string, kinds: readonly EntryKind[]): Promise<Entry[]> {
    const { rows } = await this.connection.query(
      `SELECT kind, coalesce(full_key, key) AS key, coalesce(full_item, item) AS item, hash, value
       FROM sluice.entries WHERE run = (SELECT n FROM sluice.runs WHERE id = $1) AND kind = ANY ($2::text[])`,
      [toSafe(id), kinds],
    );
    return (rows as (Entry & { hash: string | null })[]).map(({ kind, key, item, hash, value }) => ({
      kind,
      key: fromSafe(key),
      item: fromSafe(item),
      hash: hashOf(hash),
      value: fromSafe(value),
    }));
  }

  async items(id: string, kind: EntryKind, key: string, after: string | undefined, limit: number) {
    const isAfter = after === undefined ? "" : "AND item > $5";
    const { rows } = await this.connection.query(
      `SELECT coalesce(full_item, item) AS item, hash FROM sluice.entries
       WHERE run = (SELECT n FROM sluice.runs WHERE id = $1) AND kind = $2 AND key = $3 ${isAfter}
       ORDER BY entries.item LIMIT $4`,
      [toSafe(id), kind, indexed(key).text, limit, ...(after === undefined ? [] : [indexed(after).text])],
    );
    return (rows as { item: string; hash: string | null }[]).map(({ item, hash }) => ({
      item: fromSafe(item),
      hash: hashOf(hash),
    }));
  }

  async questions(id?: string): Promise<QuestionRow[]> {
    const { rows } = await this.connection.query(
      `SELECT ${QUESTION} FROM sluice.questions JOIN sluice.runs ON runs.n = questions.run
       WHERE id ${id === undefined ? "IS NOT NULL" : "= $1"} ORDER BY asked_at, questions.key, nth`,
      id === undefined ? [] : [toSafe(id)],
    );
    return rows.map(questionOf);
  }

  async answer(token: string, answer: string): Promise<"answered" | "unknown" | "already" | "expired"> {
    const values = [toSafe(token), toSafe(answer)];
    return this.connection.transaction(async (client, isRepeated) => {
      // The lock is shared with commits and other answers, but not with the end of a claim: either that sees this
      // answer, or this answer comes after it. The run's row is locked before the question's, as in every other
      // transaction.
      await client.query(
        `SELECT FROM sluice.runs WHERE n = (SELECT run FROM sluice.questions WHERE token = $1) FOR KEY SHARE`,
        values.slice(0, 1),
      );
      const answered = await client.query(
        `UPDATE sluice.questions SET answer = $2 WHERE token = $1 AND answer IS NULL
           AND (expires_at IS NULL OR expires_at > clock_timestamp())`,
        values,
      );
      if (answered.rowCount === 1) return "answered";
      const { rows } = await client.query(
        "SELECT answer = $2 AS same, answer IS NULL AS open FROM sluice.questions WHERE token = $1",
        values,
      );
      const row = rows[0] as { readonly same: boolean | null; readonly open: boolean } | undefined;
      if (row === undefined) return "unknown";
      if (row.open) return "expired";
      return isRepeated && row.same ? "answered" : "already";
    });
  }

  async runs({ state, limit }: { state?: RunState; limit?: number } = {}): Promise<RunRow[]> {
    const { rows } = await this.connection.query(
      `SELECT ${RUN} FROM sluice.runs WHERE id IS NOT NULL AND ($1::text IS NULL OR state = $1)
       ORDER BY created_at DESC, n DESC LIMIT $2`,
      [state ?? null, limit === undefined || limit === Number.POSITIVE_INFINITY ? null : limit],
    );
    return rows.map(runOf);
  }

  async run(id: string): Promise<RunRow | undefined> {
    const { rows } = await this.connection.query(`SELECT ${RUN} FROM sluice.runs WHERE id = $1`, [
      toSafe(id),
    ]);
    return rows[0] === undefined ? undefined : runOf(rows[0]);
  }

  cancel(id: string): Promise<boolean> {
    return this.connection.retry(async (isRepeated) => {
      const { rowCount } = await this.connection.once(
        `UPDATE sluice.runs SET state = 'cancelled', updated_at = clock_timestamp()
         WHERE id = $1 AND state NOT IN ${OVER}`,
        [toSafe(id)],
      );
      if (rowCount === 1 || !isRepeated) return rowCount === 1;
      return (await this.run(id))?.state === "cancelled";
    });
  }

  async prune(olderThan: number): Promise<number> {
    // A run without an id is invisible; the next prune deletes what an interrupted one has left.
    const { rowCount } = await this.connection.query(
      `UPDATE sluice.runs SET id = NULL, epoch = epoch + 1 WHERE id IS NOT NULL AND state IN ${OVER} AND NOT ${IS_OWNED}
         AND updated_at <= clock_timestamp() - $1::float8 * interval '1 ms'`,
      [olderThan],
    );
    const { rows } = await this.connection.query("SELECT n FROM sluice.runs WHERE id IS NULL");
    for (const { n } of rows as { n: string }[]) {
      const entries = `SELECT ctid FROM sluice.entries WHERE run = $1 LIMIT ${SLICE}`;
      const slice = `DELETE FROM sluice.entries WHERE ctid = ANY (ARRAY(${entries}))`;
      while ((await this.connection.query(slice, [n])).rowCount === SLICE);
      await this.connection.query("DELETE FROM sluice.questions WHERE run = $1", [n]);
      await this.connection.query("DELETE FROM sluice.runs WHERE n = $1", [n]);
    }
    return rowCount ?? 0;
  }

  /** Deletes some entries at and under a key, unless another process owns the run. */
  protected async sweepAs(owner: string, id: string, key: string, limit: number): Promise<boolean> {
    const run = "(SELECT n FROM sluice.runs WHERE id = $1 AND (owner IS NULL OR owner = $2))";
    const isAll = key === "";
    const which = isAll ? "NOT (kind = 'store' AND key = '')" : isUnderSql("$3", "$4");
    const values = [toSafe(id), owner, ...(isAll ? [] : under(key))];
    const entries = `SELECT ctid FROM sluice.entries WHERE run = ${run} ${ANY_KIND} AND ${which} LIMIT ${limit}`;
    const { rowCount } = await this.connection.query(
      `WITH asked AS (DELETE FROM sluice.questions WHERE run = ${run} ${isAll ? "" : `AND ${which}`})
       DELETE FROM sluice.entries WHERE ctid = ANY (ARRAY(${entries}))`,
      values,
    );
    return rowCount === limit;
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}
