// The database: opened read-only, one SELECT at a time, interrupted on an abort.
import { pathToFileURL } from "node:url";
import Connection from "libsql/promise";

/** The result of a query. */
export interface Table {
  readonly columns: readonly string[];
  /** At most {@link MOST_ROWS}. */
  readonly rows: readonly (readonly unknown[])[];
  /** How many rows there are in all. */
  readonly total: number;
}

/** The database rejects a query; the message is for its author. */
export class QueryError extends Error {}

/** The largest number of rows of an answer. */
export const MOST_ROWS = 50;
/** The schema lists the values of a text column with at most this number of values. */
const MOST_KINDS = 12;

/** The part of a prepared statement that is used here; libsql's own types lack it. */
interface Statement {
  raw(): Statement;
  all(): Promise<unknown[][]>;
  columns(): { readonly name: string }[];
}

/** A SQLite file that can only be read. */
export class Database {
  readonly #uri: string;

  constructor(path: string) {
    // libsql ignores its option `readonly`; SQLite itself honours this one.
    this.#uri = `${pathToFileURL(path)}?mode=ro`;
  }

  /**
   * Runs one SELECT. An abort interrupts it.
   *
   * @throws QueryError with what the database says.
   */
  query(sql: string, signal: AbortSignal): Promise<Table> {
    const select = sql.trim().replace(/;$/, "");
    if (!/^(select|with|values)\b/i.test(select)) {
      const refusal = "Expected one SELECT: this database can be read, and not changed";
      return Promise.reject(new QueryError(refusal));
    }
    return this.#all(select, signal);
  }

  /** Describes the tables as they were created, with the values of columns that have only a few. */
  async schema(signal: AbortSignal): Promise<string> {
    const tables = await this.query(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
      signal,
    );
    const columns = await this.query(
      `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
       WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.type LIKE '%TEXT%'`,
      signal,
    );
    const lines = tables.rows.map(([, sql]) => `${sql};`);
    for (const [table, column] of columns.rows) {
      const sample = `SELECT ${quote(column)} AS kind FROM ${quote(table)} LIMIT 1000`;
      const { rows, total } = await this.query(
        `SELECT DISTINCT kind FROM (${sample}) WHERE kind IS NOT NULL ORDER BY kind`,
        signal,
      );
      if (total <= MOST_KINDS && total > 0) {
        lines.push(`-- ${table}.${column}: ${rows.map(([kind]) => `'${kind}'`).join(", ")}`);
      }
    }
    return lines.join("\n");
  }

  async #all(select: string, signal: AbortSignal): Promise<Table> {
    signal.throwIfAborted();
    // A separate connection, since an interrupt ends all queries of a connection.
    const connection = new Connection(this.#uri, {});
    let again: NodeJS.Timeout | undefined;
    const interrupt = () => {
      connection.interrupt();
      again = setInterval(() => connection.interrupt(), 20); // an interrupt before the query begins has no effect
    };
    signal.addEventListener("abort", interrupt);
    try {
      await connection.prepare(select); // its errors are about this query, without the brackets
      // In these brackets only one SELECT is valid SQL: no second statement, no ATTACH, no PRAGMA. It counts all rows
      // before the first one, so SQLite works in the thread where it can be interrupted.
      const statement: Statement = await connection.prepare(
        `SELECT *, count(*) OVER () FROM (\n${select}\n) LIMIT ${MOST_ROWS}`,
      );
      const rows = await statement.raw().all();
      const columns = statement.columns().map(({ name }) => name);
      return {
        columns: columns.slice(0, -1),
        rows: rows.map((row) => row.slice(0, -1)),
        total: Number(rows[0]?.at(-1) ?? 0),
      };
    } catch (error) {
      signal.throwIfAborted();
      const said = error instanceof Connection.SqliteError ? (error as Error).message : undefined;
      throw said === undefined ? error : new QueryError(said, { cause: error });
    } finally {
      signal.removeEventListener("abort", interrupt);
      clearInterval(again);
      connection.close();
    }
  }
}

const quote = (name: unknown) => `"${String(name).replaceAll('"', '""')}"`;
