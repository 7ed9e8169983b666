// The database: opened read-only, one SELECT at a time, in a process that an abort kills.
import { fork } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";

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

/** Runs the queries. No other way ends one for sure: SQLite's own interrupt has to find it at the right moment. */
const PROGRAM = fileURLToPath(new URL("query.mjs", import.meta.url));
type Answer = { readonly tables: Table[] } | { readonly refusal: string } | { readonly failure: string };

/** A SQLite file that can only be read. */
export class Database {
  readonly #uri: string;

  constructor(path: string) {
    // libsql ignores its option `readonly`; SQLite itself honours this one.
    this.#uri = `${pathToFileURL(path)}?mode=ro`;
  }

  /**
   * Runs one SELECT. An abort ends it.
   *
   * @throws QueryError with what the database says.
   */
  async query(sql: string, signal: AbortSignal): Promise<Table> {
    const select = sql.trim().replace(/;$/, "");
    if (!/^(select|with|values)\b/i.test(select)) {
      throw new QueryError("Expected one SELECT: this database can be read, and not changed");
    }
    const [table] = await this.#run([select], signal);
    return table as Table;
  }

  /** Describes the tables as they were created, with the values of columns that have only a few. */
  async schema(signal: AbortSignal): Promise<string> {
    const [tables, columns] = await this.#run([TABLES, TEXT_COLUMNS], signal);
    const samples = columns?.rows.map(([table, column]) => {
      const sample = `SELECT ${quote(column)} AS kind FROM ${quote(table)} LIMIT 1000`;
      return `SELECT DISTINCT kind FROM (${sample}) WHERE kind IS NOT NULL ORDER BY kind`;
    });
    const kinds = await this.#run(samples ?? [], signal);
    const lines = tables?.rows.map(([, sql]) => `${sql};`) ?? [];
    for (const [at, { rows, total }] of kinds.entries()) {
      if (total > MOST_KINDS || total === 0) continue;
      const values = rows.map(([kind]) => `'${kind}'`).join(", ");
      lines.push(`-- ${columns?.rows[at]?.join(".")}: ${values}`);
    }
    return lines.join("\n");
  }

  async #run(selects: string[], signal: AbortSignal): Promise<Table[]> {
    signal.throwIfAborted();
    const child = fork(PROGRAM, { execArgv: [], serialization: "advanced", signal, killSignal: "SIGKILL" });
    child.send({ uri: this.#uri, selects, most: MOST_ROWS });
    try {
      const answer = await new Promise<Answer>((resolve, reject) => {
        child.once("message", resolve).once("error", reject);
        child.once("exit", (code, by) =>
          reject(new Error(`The process of a query ended with ${code ?? by}.`)),
        );
      });
      if ("refusal" in answer) throw new QueryError(answer.refusal);
      if ("failure" in answer) throw new Error(answer.failure);
      return answer.tables;
    } finally {
      child.kill("SIGKILL");
    }
  }
}

const TABLES = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
const TEXT_COLUMNS = `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
  WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND c.type LIKE '%TEXT%'`;
const quote = (name: unknown) => `"${String(name).replaceAll('"', '""')}"`;
