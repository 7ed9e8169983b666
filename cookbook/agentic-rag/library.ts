// The search: a full-text index of the descriptions of installed packages.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import MiniSearch from "minisearch";
import { glob } from "tinyglobby";

export interface Passage {
  /** The name that an answer cites. */
  readonly source: string;
  readonly text: string;
}

/** The best matches of a query, the best first. */
export type Search = (query: string, count: number) => Passage[];

/** Indexes the packages of a `node_modules` folder. */
export async function readPackages(folder: string): Promise<{ size: number; search: Search }> {
  const passages: Passage[] = [];
  const files = await glob(["*/package.json", "@*/*/package.json"], { cwd: folder });
  for (const file of files.sort()) {
    const {
      name,
      description,
      keywords = [],
      license,
    } = JSON.parse(await readFile(join(folder, file), "utf8"));
    if (typeof name !== "string" || typeof description !== "string") continue;
    passages.push({ source: name, text: `${description} Keywords: ${keywords}. Licence: ${license}.` });
  }
  const index = new MiniSearch({ fields: ["source", "text"], searchOptions: { boost: { source: 2 } } });
  index.addAll(passages.map((passage, id) => ({ id, ...passage })));
  const search: Search = (query, count) =>
    index
      .search(query)
      .slice(0, count)
      .flatMap(({ id }) => passages[id] ?? []);
  return { size: passages.length, search };
}
