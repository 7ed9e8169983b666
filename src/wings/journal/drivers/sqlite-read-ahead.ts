// Results of items, read some at a time: a resumed batch asks for one after the other, and to a query of libsql one more
// row costs a tenth of what another query costs.
import { fromSafe, toSafe } from "./safe-text.js";
import type { SqliteConnection } from "./sqlite-database.js";

/** The most items in one query. */
const MOST_ITEMS = 64;
/** Characters of results that are kept at most, or those of one item. */
const MOST_TEXT = 1_000_000;

/** What the next items of one batch have, as far as it was read. */
export class ReadAhead {
  readonly #connection: SqliteConnection;
  #place = "";
  /** How many transactions there were when it was read: after another one it may be wrong. */
  #transactions = 0;
  #from = 0;
  #to = 0;
  #values = new Map<number, string>();
  /** How many items the next query reads; doubled while they are asked for in order. */
  #size = 1;

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  /** The result of an item of a batch. */
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
    if (text > MOST_TEXT) this.#size = Math.max(1, this.#size >> 2); // the next one doubles it
  }
}
