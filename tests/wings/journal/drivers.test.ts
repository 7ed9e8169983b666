// Every driver keeps the contract of sluice/testing; that of PostgreSQL is held in postgres.test.ts, by the one server of a run.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JournalDriver } from "sluice/journal";
import type { JournalSubject } from "sluice/testing";
import { describe } from "vitest";
import { MemoryDriver } from "../../../src/wings/journal/drivers/memory.js";
import { SqliteDriver } from "../../../src/wings/journal/drivers/sqlite.js";
import { GuardedDriver } from "../../../src/wings/journal/guarded.js";
import { removeFolder } from "../../support/remove-folder.js";
import { hold } from "./support/contract.js";

async function openSqlite(): Promise<JournalSubject> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-journal-"));
  const open = () => SqliteDriver.open(join(folder, "runs.db"));
  return { driver: await open(), another: open, close: () => removeFolder(folder) };
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
