// The file of a journal in SQLite, as each process opens it.
import { closeSync, openSync } from "node:fs";
import { SluiceError } from "sluice";
import { type Database, openDatabase } from "./sqlite-database.js";
import { migrate } from "./sqlite-schema.js";

/** Ms that a connection waits for another one's transaction. */
const BUSY_TIMEOUT = 5_000;

const SETTINGS = [
  `busy_timeout = ${BUSY_TIMEOUT}`,
  "auto_vacuum = INCREMENTAL",
  "journal_mode = WAL",
  "synchronous = NORMAL",
  "journal_size_limit = 1000000",
];

/** @throws SluiceError `JOURNAL_FAILED` for a file that cannot be opened, `JOURNAL_VERSION`, `MISSING_DRIVER`. */
export async function openFile(path: string): Promise<Database> {
  let database: Database;
  try {
    closeSync(openSync(path, "a", 0o600));
    database = await openDatabase(path);
  } catch (cause) {
    throw failed(path, "opened", cause);
  }
  try {
    for (const setting of SETTINGS) database.run(`PRAGMA ${setting}`);
    migrate(database, path);
    return database;
  } catch (cause) {
    database.close();
    throw failed(path, "used", cause);
  }
}

function failed(path: string, what: string, cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  return new SluiceError("JOURNAL_FAILED", `The journal ${path} cannot be ${what}: ${cause}`, { cause });
}
