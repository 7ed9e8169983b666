// Reads results of items in groups: a resumed batch requests them in order, and with libsql one more row costs a tenth
// of another query.
import { fromSafe, toSafe } from "./safe-text.js";
import type { SqliteConnection } from "./sqlite-database.js";

/** The maximum of items per query. */
const MOST_ITEMS = 64;
/** The maximum of kept characters, unless one item has more. */
const MOST_TEXT = 1_000_000;

/** The results of the next items of one batch. */
export class ReadAhead {
  readonly #connection: SqliteConnection;
  #place = "";
  /** The number of transactions at the time of reading: after another one the results may be stale. */
  #transactions = 0;
  #from = 0;
  #to = 0;
  #values = new Map<number, string>();
  /** The number of items that the next query reads; doubled while they are requested in order. */
  #size = 1;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  /** Returns the result of an item of a batch. */
  get(run: number, key: string, item: number): string | undefined {
    const place = `${run}\n${key}`;
    const { transactions } = this.#connection;
    const isCurrent = place === this.#place && transactions === this.#transactions;
    if (!isCurrent || item < this.#from || item >= this.#to) {
      this.#size = place === this.#place && item === this.#to ? Math.min(this.#size * 2, MOST_ITEMS) : 1;
      this.#place = place;
      this.#transactions = transactions;
      this.#read(run, key, item);
    }
    return this.#values.get(item);
  }

  #read(run: number, key: string, from: number): void {
    const items = Array.from({ length: this.#size }, (_, at) => String(from + at));
    const rows = this.#connection
      .sql(
        `SELECT item, value FROM entries WHERE run = ? AND kind = 'result' AND key = ? AND item IN (${items.map(() => "?").join()})`,
      )
      .all(run, toSafe(key), ...items) as { item: string; value: string }[];
    this.#values = new Map(rows.map(({ item, value }) => [Number(item), fromSafe(value)]));
    this.#from = from;
    this.#to = from + items.length;
    const text = rows.reduce((sum, { value }) => sum + value.length, 0);
    if (text > MOST_TEXT) this.#size = Math.max(1, this.#size >> 2); // the next query doubles it
  }
}
