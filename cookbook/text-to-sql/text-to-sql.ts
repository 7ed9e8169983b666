// A model writes SQL, a read-only SQLite runs it, and the model gets its errors until it runs.
import { Flow, node } from "sluice";
import { z } from "zod";
import type { Model } from "../lib/model.js";
import { type Database, QueryError, type Table } from "./database.js";

export interface Shared {
  readonly question: string;
  schema?: string;
  /** The query to run next, or the one that ran last. */
  sql?: string;
  /** The rejected queries, in order. */
  readonly refused: { readonly sql: string; readonly error: string }[];
  /** The answer. It comes from the database, never from the model. */
  table?: Table;
  /** The reason why there is no query. */
  reason?: string;
}

const Draft = z.object({
  sql: z.string().describe("One SELECT with a name for each column; empty if there is none."),
  reason: z.string().describe("Why the question cannot be answered; empty with a query."),
});

const WRITE =
  "Answer a question about a SQLite database with one SELECT. If nothing in the schema answers it, or if an answer would " +
  "change data, give the reason instead. The queries under `refused` failed: correct the errors that the database reports.";

/**
 * @param tries - The largest number of queries for one question.
 * @param timeout - Milliseconds for a query: a join without a condition can run for hours.
 */
export function createSqlFlow(model: Model, database: Database, tries = 4, timeout = 5_000): Flow<Shared> {
  const readSchema = node({
    name: "ReadSchema",
    exec: (_none, { signal }) => database.schema(signal),
    post: (shared: Shared, _none, schema) => {
      shared.schema = schema;
    },
  });

  const writeSql = node({
    name: "WriteSql",
    ...model.calls,
    prep: ({ schema, question, refused }: Shared) =>
      `${WRITE}\n\n${JSON.stringify({ schema, question, refused })}`,
    exec: (prompt, ctx) => model.json("draft", Draft, prompt, ctx),
    post: (shared, _prompt, { sql, reason }) => {
      Object.assign(shared, sql ? { sql } : { reason });
      return sql ? "written" : "cannot be answered";
    },
  });

  const runSql = node({
    name: "RunSql",
    timeout,
    requires: ["sql"],
    prep: ({ sql = "" }: Shared) => sql,
    exec: async (sql, { signal }): Promise<Outcome> => ({ table: await database.query(sql, signal) }),
    // A rejected query is a result for the model; other errors, such as a failed disk, are failures.
    execFallback: (_sql, error) => {
      if (error instanceof QueryError) return { error: error.message };
      if ((error as { code?: unknown }).code === "TIMEOUT") return { error: `stopped after ${timeout} ms` };
      throw error;
    },
    post: (shared, sql, { table, error }, { emit }) => {
      void emit(`\n${sql}${error === undefined ? "" : `\n  × ${error}`}`);
      if (error === undefined) {
        shared.table = table as Table;
        return "answered";
      }
      shared.refused.push({ sql, error });
      return shared.refused.length < tries ? "refused" : "given up";
    },
  });

  readSchema.next(writeSql);
  writeSql.branch({ written: runSql, "cannot be answered": null });
  runSql.branch({ refused: writeSql, answered: null, "given up": null });
  return new Flow(readSchema, { name: "TextToSql" });
}
type Outcome = { readonly table?: Table; readonly error?: string };
