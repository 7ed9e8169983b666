// The lock of the one process that runs flows on a SQLite file: the kernel drops it when the process ends, however it
// does.
import { closeSync, openSync } from "node:fs";
import { SluiceError } from "sluice";
import { type Database, isBusy, openDatabase } from "./sqlite-database.js";

/** Holds a lock on `<file>.owner`. Nothing else may open that file: closing any handle drops a POSIX lock. */
export class OwnerLock {
  readonly #file: string;
  /** Written by `take` and `release`. */
  #owner: Database | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** @throws SluiceError `JOURNAL_IN_USE` where another process has it. */
  async take(): Promise<void> {
    if (this.#owner !== undefined) return;
    const path = `${this.#file}.owner`;
    closeSync(openSync(path, "a", 0o600));
    const owner = await openDatabase(path);
    try {
      owner.run("PRAGMA busy_timeout = 0");
      owner.run("BEGIN EXCLUSIVE");
    } catch (error) {
      owner.close();
      if (this.#owner !== undefined) return; // another run of this process was first
      if (!isBusy(error)) throw error;
      throw new SluiceError(
        "JOURNAL_IN_USE",
        `Another process runs flows on the journal ${this.#file}; wait for its end, or use PostgreSQL for several processes`,
      );
    }
    this.#owner = owner;
  }

  release(): void {
    this.#owner?.close();
    this.#owner = undefined;
  }
}
