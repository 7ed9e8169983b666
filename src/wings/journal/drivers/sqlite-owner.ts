// The process that runs flows on a file locks a second file. The kernel releases the lock when the process ends in any
// way.
import { existsSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { SluiceError } from "sluice";
import { isBusy, SqliteConnection } from "./sqlite-database.js";

/** The lock of one journal, held while it has at least one run. */
export class SqliteOwner {
  readonly #path: string;
  #holders = 0;
  /** Written by `acquire` and `release`; the connection holds the lock. */
  #opening: Promise<void> | undefined;
  #connection: SqliteConnection | undefined;

  readonly #holder: () => string | undefined;

  /**
   * @param path - The path of the journal.
   * @param holder - Returns the process that runs flows on it, if the journal knows it.
   */
  constructor(path: string, holder: () => string | undefined) {
    this.#path = path;
    this.#holder = holder;
  }

  /** @throws SluiceError `JOURNAL_IN_USE`. */
  async acquire(): Promise<void> {
    this.#holders++;
    try {
      await (this.#opening ??= this.#lock());
    } catch (error) {
      this.#holders--;
      this.#opening = undefined;
      throw error;
    }
  }

  async #lock(): Promise<void> {
    const connection = await SqliteConnection.open(`${this.#path}.owner`);
    try {
      connection.script("PRAGMA busy_timeout = 0");
      await beginExclusive(connection);
      this.#connection = connection;
    } catch (error) {
      connection.close();
      if (!isBusy(error)) throw error;
      throw new SluiceError(
        "JOURNAL_IN_USE",
        `Another process, or another openJournal() of this one, runs flows on the journal ${this.#path} (${this.#holder() ?? "not known which"}); wait for its end, or use PostgreSQL for several processes`,
      );
    }
  }

  /** Whether another process, or another `openJournal()` of this one, has the lock. */
  async isHeldElsewhere(): Promise<boolean> {
    if (this.#holders > 0 || !existsSync(`${this.#path}.owner`)) return false;
    const connection = await SqliteConnection.open(`${this.#path}.owner`);
    try {
      connection.script("PRAGMA busy_timeout = 0");
      connection.sql("SELECT count(*) FROM sqlite_schema").get();
      return false;
    } catch (error) {
      return isBusy(error);
    } finally {
      connection.close();
    }
  }

  release(): void {
    if (--this.#holders === 0) this.#unlock();
  }

  #unlock(): void {
    this.#connection?.close();
    this.#connection = undefined;
    this.#opening = undefined;
  }

  close(): void {
    this.#holders = 0;
    this.#unlock();
  }
}

/** Several tries, because another process that checks the lock holds it for less than a millisecond. */
const TRIES = 4;
const RETRY = 5;

async function beginExclusive(connection: SqliteConnection): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return connection.script("BEGIN EXCLUSIVE");
    } catch (error) {
      if (!isBusy(error) || tries === TRIES) throw error;
      await wait(RETRY);
    }
  }
}
