// The tables of a journal in SQLite, and their migrations.
import { SluiceError } from "sluice";
import { isBusy, type SqliteConnection } from "./sqlite-database.js";

/** The migrations of each version; the current version is in `user_version`. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE runs (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Null while a run is being deleted.
    id TEXT UNIQUE,
    state TEXT NOT NULL,
    flow TEXT NOT NULL,
    version TEXT,
    graph TEXT NOT NULL,
    params TEXT NOT NULL,
    input TEXT NOT NULL,
    steps INTEGER NOT NULL DEFAULT 0,
    calls INTEGER NOT NULL DEFAULT 0,
    tokens REAL NOT NULL DEFAULT 0,
    action TEXT,
    error TEXT,
    createdAt INTEGER NOT NULL,
    updatedAt INTEGER NOT NULL,
    claims INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX runs_by_state ON runs (state, createdAt);
  CREATE TABLE entries (
    run INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    item TEXT NOT NULL,
    hash TEXT,
    value TEXT NOT NULL,
    PRIMARY KEY (run, kind, key, item)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE questions (
    token TEXT PRIMARY KEY,
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    nth INTEGER NOT NULL,
    question TEXT NOT NULL,
    path TEXT NOT NULL,
    "index" INTEGER,
    expiresAt INTEGER,
    answer TEXT,
    isTaken INTEGER NOT NULL DEFAULT 0,
    askedAt INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX questions_by_run ON questions (run, key);
  `,
  `
  -- Which process has a run; what a process that is gone has left here is cleared by the next one.
  ALTER TABLE runs ADD COLUMN owner TEXT;
  CREATE INDEX runs_owned ON runs (owner) WHERE owner IS NOT NULL;
  -- The JSON Schema of an answer.
  ALTER TABLE questions ADD COLUMN schema TEXT;
  `,
  `
  -- With rowids: without them, each search that meets a row reads its whole value, which may have megabytes.
  ALTER TABLE entries RENAME TO old_entries;
  CREATE TABLE entries (
    run INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    item TEXT NOT NULL,
    hash TEXT,
    value TEXT NOT NULL,
    PRIMARY KEY (run, kind, key, item)
  ) STRICT;
  INSERT INTO entries SELECT run, kind, key, item, hash, value FROM old_entries;
  DROP TABLE old_entries;
  ALTER TABLE questions RENAME TO old_questions;
  DROP INDEX questions_by_run;
  CREATE TABLE questions (
    token TEXT PRIMARY KEY,
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    nth INTEGER NOT NULL,
    question TEXT NOT NULL,
    schema TEXT,
    path TEXT NOT NULL,
    "index" INTEGER,
    expiresAt INTEGER,
    answer TEXT,
    isTaken INTEGER NOT NULL DEFAULT 0,
    askedAt INTEGER NOT NULL
  ) STRICT;
  INSERT INTO questions SELECT token, run, key, nth, question, schema, path, "index", expiresAt, answer, isTaken, askedAt
    FROM old_questions;
  DROP TABLE old_questions;
  CREATE INDEX questions_by_run ON questions (run, key);
  `,
];

/** The `application_id` of a journal: "slui" in ASCII. */
const APPLICATION = 0x736c7569;

/** Milliseconds that a connection waits for another one's transaction. */
const BUSY_TIMEOUT = 5_000;
/** Milliseconds between two tries to prepare a file that another process is preparing. */
const RETRY = 10;

/**
 * Prepares a connection, and migrates the file to the newest version.
 *
 * @throws SluiceError `JOURNAL_VERSION` if the file has a later version or belongs to another program.
 */
export async function prepare(connection: SqliteConnection, path: string): Promise<void> {
  const giveUpAt = performance.now() + BUSY_TIMEOUT;
  connection.script(`PRAGMA busy_timeout = ${BUSY_TIMEOUT}`);
  for (;;) {
    try {
      // Before any change: the file may belong to another program.
      const version = versionOf(connection, path);
      if (version === 0) connection.script("PRAGMA auto_vacuum = INCREMENTAL");
      connection.script("PRAGMA journal_mode = WAL");
      connection.script("PRAGMA synchronous = NORMAL");
      connection.script("PRAGMA journal_size_limit = 1000000");
      if (version < MIGRATIONS.length) migrate(connection, path);
      return;
    } catch (error) {
      // SQLite does not wait for another connection that is changing the mode.
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }
}

function migrate(connection: SqliteConnection, path: string): void {
  connection.transaction(() => {
    const version = versionOf(connection, path); // another process may have migrated it
    for (const sql of MIGRATIONS.slice(version)) connection.script(sql);
    connection.script(`PRAGMA application_id = ${APPLICATION}`);
    connection.script(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

function versionOf(connection: SqliteConnection, path: string): number {
  const { count } = connection.sql("SELECT count(*) AS count FROM sqlite_schema").get() as { count: number };
  if (Number(count) === 0) return 0;
  if (connection.pragma("application_id") !== APPLICATION) {
    throw new SluiceError(
      "JOURNAL_VERSION",
      `${path} is a database of another program; name a file of its own for the journal`,
    );
  }
  const version = connection.pragma("user_version");
  if (version <= MIGRATIONS.length) return version;
  throw new SluiceError(
    "JOURNAL_VERSION",
    `The journal ${path} is of version ${version}, and this sluice knows up to ${MIGRATIONS.length}; use the sluice that wrote it, or a newer one`,
  );
}
