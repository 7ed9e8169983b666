// Passages with their vectors in a SQLite file. libSQL, a fork of SQLite, compares the vectors.
import Connection from "libsql";

export interface Page {
  readonly url: string;
  readonly title: string;
  readonly passages: readonly string[];
  /** Absolute, without fragments. */
  readonly links: readonly string[];
}

export class Index {
  readonly #connection: Connection.Database;

  /** @param path - A file, or ":memory:". */
  constructor(path: string) {
    this.#connection = new Connection(path);
    this.#connection.exec(`CREATE TABLE IF NOT EXISTS passages (
      url TEXT NOT NULL,
      at INTEGER NOT NULL,
      title TEXT NOT NULL,
      text TEXT NOT NULL,
      vector BLOB NOT NULL,
      PRIMARY KEY (url, at)
    )`);
  }

  /** Replaces the passages of a page. */
  put({ url, title, passages }: Page, vectors: readonly (readonly number[])[]): void {
    const insert = this.#connection.prepare("INSERT INTO passages VALUES (?, ?, ?, ?, vector32(?))");
    this.#connection.transaction(() => {
      this.#connection.prepare("DELETE FROM passages WHERE url = ?").run(url);
      for (const [at, text] of passages.entries())
        insert.run(url, at, title, text, JSON.stringify(vectors[at]));
    })();
  }

  /** The passages nearest to a vector, the nearest first. */
  nearest(vector: readonly number[], most: number): { url: string; title: string; text: string }[] {
    const rows = this.#connection
      .prepare(
        "SELECT url, title, text FROM passages ORDER BY vector_distance_cos(vector, vector32(?)) LIMIT ?",
      )
      .all(JSON.stringify(vector), most);
    return rows as { url: string; title: string; text: string }[];
  }

  close(): void {
    this.#connection.close();
  }
}
