// What is searched: the Markdown files of a folder, cut into sections, in a full-text index in memory.
import { readFile } from "node:fs/promises";
import MiniSearch from "minisearch";
import { glob } from "tinyglobby";
import { InputError } from "./input-error.js";

/** A piece of a document that can be cited. */
export interface Passage {
  /** The file and the heading. */
  readonly id: string;
  readonly text: string;
}

/** Searches documents. */
export interface Corpus {
  readonly documents: number;
  readonly search: (question: string, most: number) => Passage[];
}

const MOST_LETTERS = 1_200;

/** Reads and indexes the Markdown files below a folder; of `node_modules`, the README of each package. @throws InputError */
export async function readCorpus(folder: string): Promise<Corpus> {
  const isModules = /node_modules\/?$/.test(folder);
  const patterns = isModules ? ["*/readme.md", "@*/*/readme.md"] : ["**/*.md", "!**/node_modules"];
  const options = { cwd: folder, caseSensitiveMatch: false, followSymbolicLinks: false };
  const files = (await glob(patterns, options)).sort();
  if (files.length === 0) {
    throw new InputError(`Expected a folder with Markdown files, got "${folder}". Name another with --docs.`);
  }
  const passages = new Map<string, Passage>();
  for (const file of files) {
    const name = isModules ? file.replace(/\/readme\.md$/i, "") : file;
    const text = await readFile(`${folder}/${file}`, "utf8");
    for (const passage of passagesOf(name, text)) passages.set(passage.id, passage);
  }
  return { documents: files.length, search: searchIn(passages) };
}

/** Cuts a document at its headings; code and markup are left out, since an answer is made of prose. */
export function passagesOf(name: string, markdown: string): Passage[] {
  const prose = markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/<[^>]*>|!\[[^\]]*\]\([^)]*\)/g, "");
  return prose.split(/^(?=#{1,4} )/m).flatMap((section) => {
    const [, heading = ""] = /^#{1,4} (.*)/.exec(section) ?? [];
    const text = plain(section.replace(/^#{1,4} .*/, ""));
    if (text.length < 40) return [];
    return [{ id: heading === "" ? name : `${name} § ${plain(heading)}`, text: text.slice(0, MOST_LETTERS) }];
  });
}

const plain = (markdown: string) =>
  markdown
    .replace(/\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])/g, "$1")
    .replace(/[`*|]|^\s*(>|[-=]{3,}\s*$)/gm, "")
    .replace(/\s+/g, " ")
    .trim();

/** Words that say nothing of what is asked. */
const EMPTY = new Set(
  "a an and are as at be by can do does for from has have how i if in is it its many me my of on or say said so that the there they this to was we what when which why will with you your".split(
    " ",
  ),
);

/** The words of a text that say what it is about. */
export const termsOf = (text: string): string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}-]*/gu) ?? []).filter((word) => !EMPTY.has(word));

function searchIn(passages: ReadonlyMap<string, Passage>): Corpus["search"] {
  const index = new MiniSearch<Passage>({ fields: ["id", "text"], tokenize: termsOf });
  index.addAll([...passages.values()]);
  return (question, most) => {
    const counts = new Map<string, number>();
    const hits = index.search(question, { boost: { id: 4 }, prefix: (term) => term.length > 4 });
    // A document that fits well would fill the list, and the others would never be heard of.
    const varied = hits.filter(({ id }) => {
      const [document = ""] = id.split(" § ");
      counts.set(document, (counts.get(document) ?? 0) + 1);
      return (counts.get(document) ?? 0) <= 2;
    });
    return varied.slice(0, most).flatMap(({ id }) => passages.get(id) ?? []);
  };
}
