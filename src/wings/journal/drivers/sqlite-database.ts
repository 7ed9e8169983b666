// The two SQLite libraries of Node by one face: `node:sqlite` from Node 24 on, else the optional peer `libsql`.
import { SluiceError } from "sluice";

/** A prepared statement. */
export interface Statement {
  run(...values: unknown[]): { readonly changes: number | bigint };
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
}

/** An open database file. */
export interface Database {
  /** Runs statements that need not be prepared. */
  run(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** What both libraries have. */
interface Library {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** Node's own is stable from this version on. */
const FIRST_WITH_SQLITE = 24;

/** Opens a database. @throws SluiceError `MISSING_DRIVER`; what the library throws. */
export async function openDatabase(path: string): Promise<Database> {
  if (Number(process.versions.node.split(".")[0]) >= FIRST_WITH_SQLITE) {
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite" as never) as {
      DatabaseSync: new (path: string) => Library;
    };
    return faceOf(new DatabaseSync(path));
  }
  const Libsql = await loadLibsql();
  return faceOf(new Libsql(path));
}

const faceOf = (library: Library): Database => ({
  run: (sql) => void Reflect.apply(library.exec, library, [sql]),
  prepare: (sql) => library.prepare(sql),
  close: () => library.close(),
});

async function loadLibsql(): Promise<new (path: string) => Library> {
  try {
    return ((await import("libsql")) as unknown as { default: new (path: string) => Library }).default;
  } catch (cause) {
    const text = "A journal in a file needs Node 24, or the package `libsql`: npm install libsql";
    throw new SluiceError("MISSING_DRIVER", text, { cause });
  }
}

/** Whether an error says that another connection holds the database. */
export const isBusy = (error: unknown): boolean =>
  /SQLITE_BUSY|database is locked/.test(
    `${(error as { code?: unknown })?.code} ${(error as Error)?.message}`,
  );
