// The agent's one tool: the sections of Markdown files in a full-text index, on this machine.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import MiniSearch from "minisearch";
import { glob } from "tinyglobby";

/** A section of a document. */
export interface Passage {
  /** File and heading: what an answer cites. */
  readonly source: string;
  readonly text: string;
}

/** Longer sections are cut, so that a prompt can have several. */
const MOST_LETTERS = 1_500;

/** A full-text index of Markdown files. */
export class Library {
  readonly #passages: Passage[] = [];
  readonly #index = new MiniSearch({
    fields: ["source", "text"],
    searchOptions: { boost: { source: 1.5 }, prefix: (term) => term.length > 3 },
  });

  /** Reads the files under a folder that match, and indexes each section. */
  static async read(folder: string, patterns: readonly string[], signal: AbortSignal): Promise<Library> {
    const library = new Library();
    const files = await glob(patterns, {
      cwd: folder,
      caseSensitiveMatch: false,
      followSymbolicLinks: false,
      signal,
    });
    for (const file of files.sort()) {
      library.#add(file, await readFile(join(folder, file), { encoding: "utf8", signal }));
    }
    return library;
  }

  /** How many sections it has. */
  get size(): number {
    return this.#passages.length;
  }

  /** Returns the best matches of a query, the best first. */
  search(query: string, count: number): Passage[] {
    const hits = this.#index.search(query).slice(0, count);
    return hits.flatMap(({ id }) => this.#passages[id] ?? []);
  }

  #add(file: string, markdown: string): void {
    for (const section of markdown.split(/^(?=#{1,6} )/m)) {
      const [, heading, body = section] = /^#+ +(.+)\n([\s\S]*)$/.exec(section) ?? [];
      const text = body.trim().slice(0, MOST_LETTERS);
      if (text.length < 40) continue;
      const title = heading?.replaceAll(/[`*]|<.*?>/g, "").trim();
      const passage = { source: title ? `${file} § ${title}` : file, text };
      this.#index.add({ id: this.#passages.push(passage) - 1, ...passage });
    }
  }
}
