// Which process runs flows on a file: it holds a lock on a second file, which the kernel drops when the process ends,
// however it does.
import { SluiceError } from "sluice";
import { isBusy, SqliteConnection } from "./sqlite-database.js";

/** The lock of one journal, held while at least one run is. */
export class SqliteOwner {
  readonly #path: string;
  #holders = 0;
  /** Written by `acquire` and `release`; the connection holds the lock. */
  #opening: Promise<void> | undefined;
  #connection: SqliteConnection | undefined;

  /** @param path - Of the journal. */
  constructor(path: string) {
    this.#path = path;
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
      connection.script("BEGIN EXCLUSIVE");
      this.#connection = connection;
    } catch (error) {
      connection.close();
      if (!isBusy(error)) throw error;
      throw new SluiceError(
        "JOURNAL_IN_USE",
        `Another process, or another openJournal() of this one, runs flows on the journal ${this.#path}; wait for its end, or use PostgreSQL for several processes`,
      );
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
