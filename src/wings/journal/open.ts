// openJournal: which driver a name stands for.
import {
  aFunction,
  anObject,
  checkOptions,
  invalidOption,
  isPlainObject,
  oneOf,
  SluiceError,
  show,
} from "sluice/internal";
import type { JournalDriver } from "./driver.js";
import { MemoryDriver } from "./drivers/memory.js";
import type { PostgresPool } from "./drivers/postgres-connection.js";
import { type Codec, GuardedDriver } from "./guarded.js";
import { Journal } from "./journal.js";

/** How a journal keeps what it is given. */
export interface JournalOptions {
  /**
   * Encrypts what is kept of values: inputs, results, stores, params, questions, answers and errors. Names, ids and
   * last actions stay as they are. Synchronous; {@link Journal} must be opened with the same one each time.
   *
   * @default values are kept as plain text
   */
  readonly codec?: Codec | undefined;
  /**
   * What each commit survives: the end of the process, however it comes, or a loss of power too, which costs a sync of
   * the disk each time. PostgreSQL syncs each commit anyway, unless its `synchronous_commit` is off.
   *
   * @default "process"
   */
  readonly durability?: "process" | "power" | undefined;
}

/** A place for a journal other than a path or a URL. */
export type JournalPlace =
  /** A pool of the package `pg`, which stays its caller's: closing the journal does not end it. */
  | { readonly pool: PostgresPool }
  /** A driver of one's own, which `journalContract` of `sluice/testing` holds. */
  | { readonly driver: JournalDriver };

const WHERE = "openJournal()";
const optionRules = { codec: anObject, durability: oneOf("process", "power") };
const codecRules = { encode: aFunction, decode: aFunction };
const placeRules = { pool: anObject, driver: anObject };
const EXPECTED = 'the path of a file, ":memory:", a postgres:// URL, { pool } or { driver }';

/**
 * Opens a journal, which it makes where there is none.
 *
 * A path is a file of SQLite, by `node:sqlite` from Node 24 on, else by the package `libsql`: one process at a time runs
 * flows on it. A `postgres://` URL or a pool needs PostgreSQL 12 or newer, and for a URL the package `pg`; any number of
 * processes run flows there. The tables are in a schema `sluice` of their own. `":memory:"` is for tests, and ends with
 * the process.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`; `MISSING_DRIVER` without the package; `JOURNAL_VERSION` for a
 *   database of another program or of a newer sluice; `JOURNAL_FAILED` for one that cannot be reached or written.
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 * import { openJournal } from "sluice/journal";
 *
 * const journal = await openJournal(":memory:"); // or "runs.db", or "postgres://user@host/database"
 * const add = node({ prep: (shared: { n: number }) => shared.n, exec: (n) => n + 1, post: (shared, _, n) => void (shared.n = n) });
 * const shared = { n: 1 };
 * await new Flow(add, { name: "Sum" }).run(shared, { journal, runId: "first" });
 * shared.n; // => 2
 * (await journal.run("first"))?.state; // => "done"
 * await journal.close();
 * ```
 */
export async function openJournal(
  where: string | JournalPlace,
  options: JournalOptions = {},
): Promise<Journal> {
  checkOptions(WHERE, options, optionRules);
  const { codec, durability } = options;
  if (codec !== undefined) checkCodec(codec);
  const driver = await openDriver(where);
  return new Journal(new GuardedDriver(driver, codec, durability === "power"));
}

/** An object of a class may be a codec too, so that its methods may be on a prototype. */
function checkCodec(codec: Codec): void {
  for (const [name, rule] of Object.entries(codecRules)) {
    const value = codec[name as keyof Codec];
    if (!rule.accepts(value)) throw invalidOption(`${WHERE}: codec`, name, rule.expected, value);
  }
}

async function openDriver(where: unknown): Promise<JournalDriver> {
  if (typeof where === "string") return openNamed(where);
  if (!isPlainObject(where)) throw notAPlace(show(where));
  checkOptions(WHERE, where, placeRules);
  if (where.driver !== undefined) return where.driver as JournalDriver;
  const { pool } = where as { readonly pool?: PostgresPool };
  if (typeof pool?.connect !== "function" || typeof pool.query !== "function") {
    throw invalidOption(WHERE, "pool", "a pool of the package `pg`", pool);
  }
  return openPostgres(pool);
}

async function openNamed(name: string): Promise<JournalDriver> {
  if (name === ":memory:") return new MemoryDriver();
  if (/^postgres(?:ql)?:\/\//.test(name)) return openPostgres(name);
  // Without the name: it may have a password.
  if (/^\w+:\/\//.test(name)) throw notAPlace(`a ${name.slice(0, name.indexOf(":"))}:// URL`);
  if (name === "" || name.includes("\0")) throw notAPlace(show(name));
  const { SqliteDriver } = await import("./drivers/sqlite.js");
  return SqliteDriver.open(name);
}

async function openPostgres(where: string | PostgresPool): Promise<JournalDriver> {
  const { PostgresDriver } = await import("./drivers/postgres.js");
  return PostgresDriver.open(where);
}

const notAPlace = (what: string): SluiceError =>
  new SluiceError("INVALID_OPTION", `${WHERE}: expected ${EXPECTED}, got ${what}`);
