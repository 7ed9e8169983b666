// Passages of documents with their vectors, in a SQLite file.
import Database from "libsql";

export interface Passage {
  /** File and heading, as an answer cites them. */
  readonly source: string;
  readonly text: string;
}

export interface Hit extends Passage {
  /** The cosine of the angle between passage and question: 1 is the same direction. */
  readonly likeness: number;
}

/** The place in the document describes a passage, so it is embedded too. */
export const textOf = ({ source, text }: Passage): string => `${source}\n${text}`;

/** Sufficient for about 10,000 passages; for more, create a vector index (`libsql_vector_idx`). */
export class Library {
  readonly #database: Database.Database;
  readonly #model: string;

  /** @param model - The embedding model: vectors of two models cannot be compared. */
  constructor(path: string, model: string) {
    this.#database = new Database(path);
    this.#model = model;
    this.#database.exec(
      "CREATE TABLE IF NOT EXISTS passages (id INTEGER PRIMARY KEY, model TEXT, source TEXT, text TEXT, vector BLOB)",
    );
  }

  /** Deletes passages that the documents no longer have. @returns The passages without a vector, each once. */
  sync(passages: readonly Passage[]): Passage[] {
    const missing = new Map(passages.map((passage) => [textOf(passage), passage]));
    const known = this.#database.prepare("SELECT id, source, text FROM passages WHERE model = ?");
    const remove = this.#database.prepare("DELETE FROM passages WHERE id = ?");
    for (const row of known.all(this.#model) as (Passage & { id: number })[]) {
      if (!missing.delete(textOf(row))) remove.run(row.id);
    }
    return [...missing.values()];
  }

  add(passages: readonly Passage[], vectors: readonly (readonly number[])[]): void {
    const insert = this.#database.prepare(
      "INSERT INTO passages (model, source, text, vector) VALUES (?, ?, ?, vector32(?))",
    );
    const addAll = this.#database.transaction(() => {
      for (const [at, { source, text }] of passages.entries())
        insert.run(this.#model, source, text, JSON.stringify(vectors[at]));
    });
    addAll();
  }

  /** The passages nearest to a vector, the nearest first. */
  nearest(vector: readonly number[], count: number): Hit[] {
    const search = this.#database.prepare(
      `SELECT source, text, 1 - vector_distance_cos(vector, vector32(?)) AS likeness
       FROM passages WHERE model = ? ORDER BY likeness DESC LIMIT ?`,
    );
    return search.all(JSON.stringify(vector), this.#model, count) as Hit[];
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

/** The approximate length of a passage in letters: long enough for a thought, and short enough for one meaning. */
const LETTERS = 900;

/** Cuts Markdown at headings, and long sections between paragraphs. */
export function passagesOf(file: string, markdown: string): Passage[] {
  return markdown.split(/^(?=#{1,6} )/m).flatMap((section) => {
    const [, heading = "", body = section] = /^#+ +(.+)\n([\s\S]*)$/.exec(section) ?? [];
    const title = heading.replaceAll(/[`*]|<.*?>|\[(?=.*\])|\]\(.*?\)/g, "").trim();
    const texts = [""];
    for (const paragraph of body.split(/\n\s*\n/).flatMap(cut)) {
      const last = texts.at(-1) as string;
      if (last.length + paragraph.length > LETTERS) texts.push(paragraph);
      else texts[texts.length - 1] = `${last}\n\n${paragraph}`;
    }
    const source = title ? `${file} § ${title}` : file;
    return texts.flatMap((text) => (text.trim().length < 40 ? [] : { source, text: text.trim() }));
  });
}

/** A long table or a long block of code is cut between lines or, at worst, anywhere. */
const cut = (paragraph: string): string[] =>
  paragraph.match(new RegExp(`[\\s\\S]{1,${LETTERS}}(?:\\n|$)|[\\s\\S]{1,${LETTERS}}`, "gu")) ?? [];
