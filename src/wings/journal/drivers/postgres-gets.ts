// Reads the entries that are requested in one turn of the event loop by one query.
import type { EntryKind } from "../driver.js";
import type { Querying } from "./postgres-connection.js";
import { indexed } from "./postgres-keys.js";
import { fromSafe, toSafe } from "./safe-text.js";

interface Get {
  readonly run: string;
  readonly kind: EntryKind;
  readonly key: string;
  readonly item: string;
  resolve(value: string | undefined): void;
  reject(error: unknown): void;
}

/** LIMIT keeps one index lookup per row, whatever statistics the planner has. */
const GET = `
  SELECT place, found.value FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    WITH ORDINALITY AS wanted (id, kind, key, item, place)
  CROSS JOIN LATERAL (
    SELECT value FROM sluice.entries
    WHERE run = (SELECT n FROM sluice.runs WHERE runs.id = wanted.id)
      AND kind = wanted.kind AND key = wanted.key AND item = wanted.item
    LIMIT 1
  ) AS found`;

/** The maximum of entries per query. */
const MOST = 1_000;

/** Batches gets. */
export class Gets {
  readonly #connection: Querying;
  #waiting: Get[] = [];

  constructor(connection: Querying) {
    this.#connection = connection;
  }

  get(run: string, kind: EntryKind, key: string, item: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ run, kind, key, item, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    const gets = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < gets.length; at += MOST) void this.#query(gets.slice(at, at + MOST));
  }

  async #query(gets: readonly Get[]): Promise<void> {
    try {
      const { rows } = await this.#connection.query(GET, [
        gets.map(({ run }) => toSafe(run)),
        gets.map(({ kind }) => kind),
        gets.map(({ key }) => indexed(key).text),
        gets.map(({ item }) => indexed(item).text),
      ]);
      for (const { place, value } of rows as { place: string; value: string }[])
        gets[Number(place) - 1]?.resolve(fromSafe(value));
      for (const get of gets) get.resolve(undefined); // those found are resolved already
    } catch (error) {
      for (const get of gets) get.reject(error);
    }
  }
}
