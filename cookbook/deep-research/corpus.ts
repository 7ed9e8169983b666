// The search: a full-text index of the sections of Markdown files.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import MiniSearch from "minisearch";
import { glob } from "tinyglobby";

/** A section of a document. */
export interface Passage {
  /** File and heading, as a report cites them. */
  readonly source: string;
  readonly text: string;
}

/** For another search, of the web or a vector store, write another function. */
export type Search = (question: string) => readonly Passage[];

const MOST_LETTERS = 1_200;
const FOUND = 5;
/** Without this limit one document that matches well would fill the list. */
const PER_DOCUMENT = 2;

/** Indexes the Markdown files of a folder; of `node_modules`, the README of each package. */
export async function readCorpus(folder: string): Promise<{ documents: number; search: Search }> {
  const isModules = /node_modules\/?$/.test(folder);
  const patterns = isModules ? ["*/README.md", "@*/*/README.md"] : ["**/*.md", "!**/node_modules"];
  const options = { cwd: folder, caseSensitiveMatch: false, followSymbolicLinks: false };
  const files = (await glob(patterns, options)).sort();
  const passages: (Passage & { readonly file: string })[] = [];
  for (const file of files)
    for (const section of (await readFile(join(folder, file), "utf8")).split(/^(?=#{1,4} )/m)) {
      const [, heading, body = section] = /^#+ +(.+)\n([\s\S]*)$/.exec(section) ?? [];
      const text = body.replaceAll(/^(```|~~~)[\s\S]*?^\1|<[^>]*>/gm, "").trim();
      const source = heading === undefined ? file : `${file} § ${heading.replaceAll(/[`*]/g, "").trim()}`;
      if (text.length >= 40) passages.push({ file, source, text: text.slice(0, MOST_LETTERS) });
    }
  const index = new MiniSearch({ fields: ["source", "text"], searchOptions: { boost: { source: 2 } } });
  index.addAll(passages.map((passage, id) => ({ id, ...passage })));
  const search: Search = (question) => {
    const counts: Record<string, number> = {};
    return index
      .search(question, { prefix: (term) => term.length > 4 })
      .flatMap(({ id }) => passages[id] ?? [])
      .filter(({ file }) => (counts[file] = (counts[file] ?? 0) + 1) <= PER_DOCUMENT)
      .slice(0, FOUND);
  };
  return { documents: files.length, search };
}
