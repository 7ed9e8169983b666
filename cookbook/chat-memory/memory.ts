// All exchanges of a conversation, in SQLite: the newest by their order, older ones by their meaning.
import Connection from "libsql";

/** What a person said and what was answered. */
export interface Exchange {
  readonly question: string;
  readonly answer: string;
}

/** An older exchange that has to do with a question. */
export interface Recalled extends Exchange {
  /** The cosine of the angle between the two meanings: 1 is the same. */
  readonly likeness: number;
}

/** A conversation that is never forgotten. libSQL, a fork of SQLite, compares the vectors. */
export class Memory {
  readonly #connection: Connection.Database;
  readonly #model: string;

  /** @param path A file, or ":memory:". @param model What the vectors come from: others cannot be compared. */
  constructor(path: string, model: string) {
    this.#model = model;
    this.#connection = new Connection(path);
    this.#connection.exec(`CREATE TABLE IF NOT EXISTS exchanges (
      id INTEGER PRIMARY KEY,
      question TEXT NOT NULL,
      answer TEXT NOT NULL,
      model TEXT NOT NULL,
      vector BLOB NOT NULL
    )`);
  }

  /** Keeps an exchange. */
  add({ question, answer }: Exchange, vector: readonly number[]): void {
    this.#connection
      .prepare("INSERT INTO exchanges (question, answer, model, vector) VALUES (?, ?, ?, vector32(?))")
      .run(question, answer, this.#model, JSON.stringify(vector));
  }

  /** How many exchanges there are. */
  count(): number {
    return (this.#connection.prepare("SELECT count(*) AS n FROM exchanges").get() as { n: number }).n;
  }

  /** Gives the newest exchanges, oldest first. */
  newest(most: number): Exchange[] {
    return this.#connection
      .prepare("SELECT question, answer FROM exchanges ORDER BY id DESC LIMIT ?")
      .all(most)
      .reverse() as Exchange[];
  }

  /** Gives the exchanges before the newest `window` that are nearest to a vector, oldest first. */
  nearest(vector: readonly number[], window: number, most: number, likeness: number): Recalled[] {
    return this.#connection
      .prepare(
        `WITH older AS (
          SELECT * FROM exchanges ORDER BY id DESC LIMIT -1 OFFSET ?
        ), near AS (
          SELECT id, question, answer, 1 - vector_distance_cos(vector, vector32(?)) AS likeness
          FROM older WHERE model = ? ORDER BY likeness DESC LIMIT ?
        )
        SELECT question, answer, likeness FROM near WHERE likeness >= ? ORDER BY id`,
      )
      .all(window, JSON.stringify(vector), this.#model, most, likeness) as Recalled[];
  }

  close(): void {
    this.#connection.close();
  }
}
