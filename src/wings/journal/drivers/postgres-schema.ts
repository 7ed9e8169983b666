// The tables of a journal in PostgreSQL, in their own schema, and their migrations.
import { SluiceError } from "sluice";
import type { PostgresConnection, Querying } from "./postgres-connection.js";

/** The migrations of each version; the current version is in `sluice.journal`. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sluice.journal (version integer NOT NULL);
  INSERT INTO sluice.journal VALUES (0);
  CREATE TABLE sluice.runs (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Null while a run is being deleted.
    id text COLLATE "C" UNIQUE,
    state text COLLATE "C" NOT NULL DEFAULT 'running',
    flow text NOT NULL,
    version text,
    graph text NOT NULL,
    params text NOT NULL,
    input text NOT NULL,
    steps double precision NOT NULL DEFAULT 0,
    calls double precision NOT NULL DEFAULT 0,
    tokens double precision NOT NULL DEFAULT 0,
    action text,
    error text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claims integer NOT NULL DEFAULT 0,
    epoch integer NOT NULL DEFAULT 0,
    -- Which process has it, and until when; null when none has.
    owner text,
    owned_until timestamptz,
    -- The last commit of its owner, which may ask whether it was made.
    last_commit text
  ) WITH (fillfactor = 50);
  CREATE INDEX runs_by_state ON sluice.runs (state, created_at);
  CREATE TABLE sluice.entries (
    run bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    item text COLLATE "C" NOT NULL,
    -- Only where the text is too long for an index, and a shortened one stands for it.
    full_key text COLLATE "C",
    full_item text COLLATE "C",
    hash text,
    value text NOT NULL,
    PRIMARY KEY (run, kind, key, item)
  );
  CREATE TABLE sluice.questions (
    token text COLLATE "C" PRIMARY KEY,
    run bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    full_key text COLLATE "C",
    nth integer NOT NULL,
    question text NOT NULL,
    path text NOT NULL,
    index integer,
    expires_at timestamptz,
    answer text,
    is_taken boolean NOT NULL DEFAULT false,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp()
  );
  CREATE INDEX questions_by_run ON sluice.questions (run, key);
  `,
  `
  -- The JSON Schema of an answer.
  ALTER TABLE sluice.questions ADD COLUMN schema text;
  `,
];

/** The advisory lock that serialises migrations of several processes: "slui" in ASCII. */
const LOCK = 0x736c7569;

/** Migrates a database to the newest version. @throws SluiceError `JOURNAL_VERSION` if it has a later version. */
export async function migrate(connection: PostgresConnection, name: string): Promise<void> {
  if ((await versionOf(connection, name)) === MIGRATIONS.length) return;
  await connection.transaction(async (client) => {
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    const { rows } = await client.query("SELECT to_regnamespace('sluice') IS NOT NULL AS found");
    // Checked first, because even IF NOT EXISTS needs the right to create schemas.
    if (!(rows[0] as { found: boolean }).found) await client.query("CREATE SCHEMA sluice");
    const version = await versionOf(client, name);
    for (const sql of MIGRATIONS.slice(version)) await client.query(sql);
    await client.query("UPDATE sluice.journal SET version = $1", [MIGRATIONS.length]);
  });
}

async function versionOf(client: Querying, name: string): Promise<number> {
  const { rows } = await client.query("SELECT to_regclass('sluice.journal') IS NOT NULL AS found");
  if (!(rows[0] as { found: boolean }).found) return 0;
  const found = (await client.query("SELECT version FROM sluice.journal")).rows[0] as { version: number };
  if (found.version <= MIGRATIONS.length) return found.version;
  throw new SluiceError(
    "JOURNAL_VERSION",
    `The journal ${name} is of version ${found.version}, and this sluice knows up to ${MIGRATIONS.length}; use the sluice that wrote it, or a newer one`,
  );
}
