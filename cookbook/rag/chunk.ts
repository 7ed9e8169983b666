// Cuts a document into passages.
import type { Passage } from "./vector-index.js";

/** About how long a passage gets: enough for a thought, little enough that its vector still means one thing. */
const LETTERS = 900;

/** Cuts Markdown at its headings, and long sections between paragraphs; the last paragraph begins the next passage too. */
export function chunk(file: string, markdown: string): Passage[] {
  const passages: Passage[] = [];
  for (const section of markdown.split(/^(?=#{1,6} )/m)) {
    const [, heading, body = section] = /^#+ +(.+)\n([\s\S]*)$/.exec(section) ?? [];
    const title = heading?.replaceAll(/[`*]|<.*?>|\[(?=.*\])|\]\(.*?\)/g, "").trim();
    const source = title ? `${file} § ${title}` : file;
    let held: string[] = [];
    let fresh = false; // whether `held` has more than the overlap
    const flush = () => {
      const text = held.join("\n\n");
      if (fresh && text.length >= 40) passages.push({ source, text });
      held = held.slice(-1).filter((paragraph) => paragraph.length < LETTERS / 4);
      fresh = false;
    };
    for (const paragraph of body.split(/\n\s*\n/).flatMap(pieces)) {
      if (held.join("\n\n").length + paragraph.length > LETTERS) flush();
      held.push(paragraph);
      fresh = true;
    }
    flush();
  }
  return passages;
}

/** A paragraph without end, such as a table or code, is cut where lines end or, at worst, anywhere. */
const pieces = (paragraph: string): string[] =>
  paragraph.trim().match(new RegExp(`[\\s\\S]{1,${LETTERS}}(?:\\n|$)|[\\s\\S]{1,${LETTERS}}`, "g")) ?? [];
