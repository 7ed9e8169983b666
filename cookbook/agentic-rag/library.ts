// What is searched: what each installed package says of itself, in a full-text index on this machine.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import MiniSearch from "minisearch";
import { glob } from "tinyglobby";
import { z } from "zod";

/** A text that an answer can cite. */
export interface Passage {
  readonly source: string;
  readonly text: string;
}

/** Packages in the wild put anything into these fields. */
const manifest = z.object({
  name: z.string(),
  description: z.string().min(1),
  keywords: z.array(z.string()).catch([]),
  license: z.string().catch("unknown"),
  private: z.boolean().catch(false),
});

/** A full-text index. */
export class Library {
  readonly #passages: readonly Passage[];
  readonly #index = new MiniSearch({ fields: ["source", "text"], searchOptions: { boost: { source: 2 } } });

  constructor(passages: readonly Passage[]) {
    this.#passages = passages;
    this.#index.addAll(passages.map((passage, id) => ({ id, ...passage })));
  }

  /** How many passages it has. */
  get size(): number {
    return this.#passages.length;
  }

  /** Gives the passages that fit a query best, the best first. */
  search(query: string, count: number): Passage[] {
    const hits = this.#index.search(query).slice(0, count);
    return hits.flatMap(({ id }) => this.#passages[id] ?? []);
  }
}

/** Reads the packages of a `node_modules` folder. */
export async function readPackages(folder: string, signal: AbortSignal): Promise<Library> {
  const passages: Passage[] = [];
  const files = await glob(["*/package.json", "@*/*/package.json"], { cwd: folder, signal });
  for (const file of files.sort()) {
    const text = await readFile(join(folder, file), { encoding: "utf8", signal });
    const { success, data } = manifest.safeParse(JSON.parse(text));
    if (!success || data.private) continue;
    const { name, description, keywords, license } = data;
    const about = keywords.length > 0 ? ` Keywords: ${keywords.join(", ")}.` : "";
    passages.push({ source: name, text: `${description.replace(/\.?$/, ".")}${about} Licence: ${license}.` });
  }
  return new Library(passages);
}
