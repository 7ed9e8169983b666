// All exchanges of a conversation, in a SQLite file: the newest by their order, older ones by their meaning.
import Database from "libsql";

export interface Exchange {
  readonly question: string;
  readonly answer: string;
}

export class Memory {
  readonly #database: Database.Database;
  readonly #model: string;

  /** @param model - The embedding model: vectors of two models cannot be compared. */
  constructor(path: string, model: string) {
    this.#database = new Database(path);
    this.#model = model;
    this.#database.exec(
      "CREATE TABLE IF NOT EXISTS exchanges (id INTEGER PRIMARY KEY, question TEXT, answer TEXT, model TEXT, vector BLOB)",
    );
  }

  get size(): number {
    return (this.#database.prepare("SELECT count(*) AS n FROM exchanges").get() as { n: number }).n;
  }

  add({ question, answer }: Exchange, vector: readonly number[]): void {
    this.#database
      .prepare("INSERT INTO exchanges (question, answer, model, vector) VALUES (?, ?, ?, vector32(?))")
      .run(question, answer, this.#model, JSON.stringify(vector));
  }

  /** The newest exchanges, oldest first. */
  newest(count: number): Exchange[] {
    const newest = this.#database.prepare("SELECT question, answer FROM exchanges ORDER BY id DESC LIMIT ?");
    return newest.all(count).reverse() as Exchange[];
  }

  /** The exchanges nearest to a vector, without the newest `window` ones, oldest first. */
  nearest(vector: readonly number[], window: number, count: number, likeness: number): Exchange[] {
    const nearest = this.#database.prepare(
      `WITH older AS (SELECT * FROM exchanges ORDER BY id DESC LIMIT -1 OFFSET ?),
       near AS (
         SELECT id, question, answer, 1 - vector_distance_cos(vector, vector32(?)) AS likeness
         FROM older WHERE model = ? ORDER BY likeness DESC LIMIT ?
       )
       SELECT question, answer FROM near WHERE likeness >= ? ORDER BY id`,
    );
    return nearest.all(window, JSON.stringify(vector), this.#model, count, likeness) as Exchange[];
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
