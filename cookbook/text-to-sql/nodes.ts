// The steps: read the schema, write SQL, run it.
import { type Context, Node, SluiceError } from "sluice";
import { type Database, QueryError, type Table } from "./database.js";
import { type Draft, type FailedTry, isWorthARetry, type Llm } from "./llm.js";

/** The store of one question. */
export interface Shared {
  readonly question: string;
  schema?: string;
  /** The query that is to be run next, or was run last. */
  sql?: string;
  /** What the database refused, in order. */
  readonly failed: FailedTry[];
  table?: Table;
  /** Why the model wrote no query. */
  reason?: string;
}

/** Creates the store of a question. */
export const createShared = (question: string): Shared => ({ question, failed: [] });

/** Finds out what the model may ask for. */
export class ReadSchema extends Node<Shared, undefined, string> {
  readonly #database: Database;

  constructor(database: Database) {
    super();
    this.#database = database;
  }

  override exec(_nothing: undefined, { signal }: Context): Promise<string> {
    return this.#database.schema(signal);
  }

  override post(shared: Shared, _nothing: undefined, schema: string): void {
    shared.schema = schema;
  }
}

/** What the model is told. */
type Task = Required<Pick<Shared, "question" | "schema" | "failed">>;

/** Has the model write a query, or mend the ones that failed. */
export class WriteSql extends Node<Shared, Task, Draft> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({
      requires: ["schema"],
      attempts: 3,
      backoff: { delay: 500 },
      retryIf: isWorthARetry,
      timeout: 60_000,
    });
    this.#llm = llm;
  }

  override prep({ question, schema = "", failed }: Shared): Task {
    return { question, schema, failed: [...failed] };
  }

  override exec({ question, schema, failed }: Task, { signal }: Context): Promise<Draft> {
    return this.#llm.writeSql(question, schema, failed, signal);
  }

  override post(shared: Shared, _task: Task, draft: Draft): "written" | "cannot be answered" {
    if ("reason" in draft) {
      shared.reason = draft.reason;
      return "cannot be answered";
    }
    shared.sql = draft.sql;
    return "written";
  }
}

/** Has the database run the query. What it refuses is an outcome like another: the model is to hear of it. */
export class RunSql extends Node<Shared, string, Table | { readonly error: string }> {
  readonly #database: Database;
  readonly #tries: number;
  readonly #time: number;

  /** @param tries The most queries for one question. @param time The most milliseconds for a query. */
  constructor(database: Database, tries: number, time: number) {
    super({ requires: ["sql"], timeout: time });
    this.#database = database;
    this.#tries = tries;
    this.#time = time;
  }

  override prep({ sql = "" }: Shared): string {
    return sql;
  }

  override exec(sql: string, { signal }: Context): Promise<Table> {
    return this.#database.query(sql, signal);
  }

  override execFallback(_sql: string, error: unknown): { error: string } {
    if (error instanceof QueryError) return { error: error.message };
    if (error instanceof SluiceError && error.code === "TIMEOUT") {
      return { error: `interrupted after ${this.#time} ms` };
    }
    throw error;
  }

  override post(
    shared: Shared,
    sql: string,
    outcome: Table | { readonly error: string },
  ): "answered" | "refused" | "given up" {
    if ("rows" in outcome) {
      shared.table = outcome;
      return "answered";
    }
    shared.failed.push({ sql, error: outcome.error });
    return shared.failed.length < this.#tries ? "refused" : "given up";
  }
}
