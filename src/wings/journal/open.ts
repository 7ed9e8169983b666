// openJournal: selects the driver.
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

/** The options of {@link openJournal}. */
export interface JournalOptions {
  /**
   * Encrypts values: inputs, results, stores, params, questions, answers and errors, but not names, ids and last
   * actions. Must be synchronous, and the same each time the journal is opened.
   *
   * @default values are kept as plain text
   */
  readonly codec?: Codec | undefined;
  /**
   * What each commit survives: any end of the process, or also a power loss, which costs a disk sync per commit.
   * PostgreSQL syncs each commit anyway, unless its `synchronous_commit` is off.
   *
   * @default "process"
   */
  readonly durability?: "process" | "power" | undefined;
}

/** The place of a journal other than a path or a URL. */
export type JournalPlace =
  /** A pool of the package `pg`. Closing the journal does not end it. */
  | { readonly pool: PostgresPool }
  /** A driver of one's own, which `journalContract` of `sluice/testing` holds. */
  | { readonly driver: JournalDriver };

const WHERE = "openJournal()";
const optionRules = { codec: anObject, durability: oneOf("process", "power") };
const codecRules = { encode: aFunction, decode: aFunction };
const placeRules = { pool: anObject, driver: anObject };
const EXPECTED = 'the path of a file, ":memory:", a postgres:// URL, { pool } or { driver }';

/**
 * Opens a journal, or creates it.
 *
 * A path is a file of SQLite, by `node:sqlite` from Node 24 on, otherwise by the package `libsql`: one process at a
 * time runs flows on it. A `postgres://` URL or a pool needs PostgreSQL 12 or newer, and for a URL the package `pg`;
 * any number of processes run flows there. The tables are in the schema `sluice`. `":memory:"` is for tests, and ends
 * with the process.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`; `MISSING_DRIVER` without the package; `JOURNAL_VERSION` for a
 * database of another program or of a newer sluice; `JOURNAL_FAILED` if it is unreachable or not writable.
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

/** A codec may be an instance of a class, with its methods on the prototype. */
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
  // Without the URL, which may have a password.
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
