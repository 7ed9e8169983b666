// One interface to two SQLite libraries: `node:sqlite` from Node 24 on, otherwise the optional peer `libsql`.
import { closeSync, openSync } from "node:fs";
import { SluiceError } from "sluice";
import { noModules } from "../../shared/missing-peer.js";

/** A prepared statement. */
export interface Statement {
  run(...values: unknown[]): { readonly changes: number | bigint };
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
}

/** An open database of either library. */
interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** `node:sqlite` is stable from this version of Node on. */
const FIRST_WITH_SQLITE = 24;

type Constructor = new (path: string) => Database;

/** @throws SluiceError `MISSING_DRIVER`. */
async function loadLibrary(): Promise<Constructor> {
  if (Number(process.versions.node.split(".")[0]) >= FIRST_WITH_SQLITE) {
    return (process.getBuiltinModule("node:sqlite" as never) as { DatabaseSync: Constructor }).DatabaseSync;
  }
  try {
    return ((await import("libsql")) as unknown as { default: Constructor }).default;
  } catch (cause) {
    const advice = noModules(cause) ?? "which is not installed: npm install libsql";
    const text = `A journal in a file needs Node 24, or the package \`libsql\`, ${advice}`;
    throw new SluiceError("MISSING_DRIVER", text, { cause });
  }
}

/** Creates a file that only its owner may read, unless there is one. */
function makeFile(path: string): void {
  try {
    // Only for a missing file: closing a file of SQLite drops the locks of this process on it.
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Whether an error means that another connection has locked the database. */
export const isBusy = (error: unknown): boolean =>
  /SQLITE_BUSY|database is locked/.test(
    `${(error as { code?: unknown })?.code} ${(error as Error)?.message}`,
  );

/** One connection to a file. */
export class SqliteConnection {
  readonly #database: Database;
  readonly #exec: Database["exec"];
  readonly #statements = new Map<string, Statement>();
  /** The number of transactions so far. */
  transactions = 0;

  private constructor(database: Database) {
    this.#database = database;
    this.#exec = database.exec.bind(database);
  }

  /** Opens a file, or creates it. @throws SluiceError `MISSING_DRIVER`; the library's error. */
  static async open(path: string): Promise<SqliteConnection> {
    const Library = await loadLibrary();
    makeFile(path);
    return new SqliteConnection(new Library(path));
  }

  /** Returns a statement, prepared once. */
  sql(text: string): Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) this.#statements.set(text, (statement = this.#database.prepare(text)));
    return statement;
  }

  /** Executes statements without results. */
  script(sql: string): void {
    this.#exec(sql);
  }

  /** Returns the number of a pragma. */
  pragma(name: string): number {
    const row = this.#database.prepare(`PRAGMA ${name}`).get() as Record<string, unknown>;
    return Number(row[name]);
  }

  /** Commits changes, all or none. */
  transaction<T>(work: () => T): T {
    this.transactions++;
    this.sql("BEGIN IMMEDIATE").run();
    try {
      const value = work();
      this.sql("COMMIT").run();
      return value;
    } catch (error) {
      try {
        this.sql("ROLLBACK").run();
      } catch {
        // SQLite has rolled back itself, as on a full disk.
      }
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }
}
