// The graph: read the schema → write SQL → run it, and back with the error until it runs.
import { Flow } from "sluice";
import type { Database } from "./database.js";
import type { Llm } from "./llm.js";
import { ReadSchema, RunSql, type Shared, WriteSql } from "./nodes.js";

/** What the flow works with. */
export interface TextToSqlDeps {
  readonly llm: Llm;
  readonly database: Database;
  /** The most queries for one question. @default 4 */
  readonly tries?: number;
  /** The most milliseconds that a query may take. @default 5_000 */
  readonly time?: number;
}

/** Creates a flow that answers a question with a table. */
export function createTextToSqlFlow({ llm, database, tries = 4, time = 5_000 }: TextToSqlDeps): Flow<Shared> {
  const readSchema = new ReadSchema(database);
  const writeSql = new WriteSql(llm);
  const runSql = new RunSql(database, tries, time);

  readSchema.next(writeSql);
  writeSql.branch({ written: runSql, "cannot be answered": null });
  runSql.branch({ refused: writeSql, answered: null, "given up": null });
  return new Flow(readSchema, { name: "TextToSql", strict: true });
}
