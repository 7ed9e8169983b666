// Every driver keeps the contract of sluice/testing.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JournalDriver } from "sluice/journal";
import { type JournalSubject, journalContract } from "sluice/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { MemoryDriver } from "../../../src/wings/journal/drivers/memory.js";
import { PostgresDriver } from "../../../src/wings/journal/drivers/postgres.js";
import { SqliteDriver } from "../../../src/wings/journal/drivers/sqlite.js";
import { GuardedDriver } from "../../../src/wings/journal/guarded.js";
import { emptyJournal, noPostgres, type Server, startPostgres } from "../../support/postgres.js";
import { sized } from "../../support/size.js";

const races = sized(1_000, 60);

/** Runs the contract on a driver. */
function hold(open: () => Promise<JournalSubject>): void {
  for (const { name, run } of journalContract(open, { races })) test(name, run);
}

async function openSqlite(): Promise<JournalSubject> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-journal-"));
  const open = () => SqliteDriver.open(join(folder, "runs.db"));
  return { driver: await open(), another: open, close: () => rmSync(folder, { recursive: true }) };
}

describe("memory", () => hold(async () => ({ driver: new MemoryDriver(), close: () => {} })));

describe("SQLite", () => hold(openSqlite));

describe("a codec, and each commit synced", () => {
  const codec = {
    encode: (text: string) => Buffer.from(text, "utf16le").toString("hex"),
    decode: (text: string) => Buffer.from(text, "hex").toString("utf16le"),
  };
  const guarded = (driver: JournalDriver) => new GuardedDriver(driver, codec, true);
  hold(async () => ({ driver: guarded(new MemoryDriver()), close: () => {} }));
});

describe.skipIf(noPostgres !== undefined)("PostgreSQL", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());
  hold(async () => {
    const url = await emptyJournal(server);
    const open = () => PostgresDriver.open(url);
    return { driver: await open(), another: open, close: () => {} };
  });
});
