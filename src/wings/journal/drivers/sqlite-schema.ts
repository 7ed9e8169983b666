// The tables of a journal in SQLite, and how older ones become these.
import { SluiceError } from "sluice";
import type { Database } from "./sqlite-database.js";

/** What each version adds to the one before; the number of the last is in `user_version`. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE runs (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
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
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    item TEXT NOT NULL,
    hash TEXT,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key, kind, item)
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
];

/** The `application_id` of a journal: "slui" in ASCII. */
const APPLICATION = 0x736c7569;

const numberOf = (database: Database, pragma: string): number => {
  const row = database.prepare(`PRAGMA ${pragma}`).get() as Record<string, unknown>;
  return Number(row[pragma]);
};

/** Brings a database to the newest version. @throws SluiceError `JOURNAL_VERSION` for one of a later version, or of another program. */
export function migrate(database: Database, path: string): void {
  const version = numberOf(database, "user_version");
  if (version === MIGRATIONS.length) {
    checkOwner(database, path);
    return;
  }
  database.run("BEGIN IMMEDIATE");
  try {
    const now = numberOf(database, "user_version"); // another process may have been first
    if (now > MIGRATIONS.length) {
      throw new SluiceError(
        "JOURNAL_VERSION",
        `The journal ${path} is of version ${now}, and this sluice knows up to ${MIGRATIONS.length}; use the sluice that wrote it, or a newer one`,
      );
    }
    if (now === 0) claimFile(database, path);
    else checkOwner(database, path);
    for (const sql of MIGRATIONS.slice(now)) database.run(sql);
    database.run(`PRAGMA user_version = ${MIGRATIONS.length}`);
    database.run("COMMIT");
  } catch (error) {
    database.run("ROLLBACK");
    throw error;
  }
}

function claimFile(database: Database, path: string): void {
  const { count } = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as {
    count: number;
  };
  if (Number(count) > 0) throw foreign(path);
  database.run(`PRAGMA application_id = ${APPLICATION}`);
}

function checkOwner(database: Database, path: string): void {
  if (numberOf(database, "application_id") !== APPLICATION) throw foreign(path);
}

const foreign = (path: string): SluiceError =>
  new SluiceError(
    "JOURNAL_VERSION",
    `${path} is a database of another program; name a file of its own for the journal`,
  );
