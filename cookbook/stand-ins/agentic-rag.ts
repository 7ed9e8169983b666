// A passage answers a question if it has all its words, or the technical terms for them from a small table.
import type { Answer } from "./serve.js";

interface Known {
  readonly question: string;
  readonly queries: readonly string[];
  readonly passages: readonly Passage[];
}
type Passage = { readonly source: string; readonly text: string };

export const answer: Answer = ({ schema, messages }) => {
  const text = messages[0]?.text ?? "";
  const known: Known = JSON.parse(text.slice(text.indexOf("\n\n")));
  if (schema === "verdict") return { json: judge(known) };
  return { json: schema === "query" ? rewrite(known) : say(known) };
};

/** Each row has the technical and the everyday words for one thing. */
const SYNONYMS = [
  "rate limit: slow throttle refuse request",
  "parser arguments: command line flag option read",
  "fuzzy search: misspell typo find lookup word",
  "schema validation: check valid shape data wrong",
  "color terminal: colour paint console",
  "concurrency: parallel simultaneous once",
].map((row) => {
  const [terms = "", plain = ""] = row.split(": ");
  return { terms: terms.split(" "), plain: new Set(plain.split(" ").map(stem)) };
});
const rowOf = (word: string) => SYNONYMS.find(({ plain }) => plain.has(stem(word)));

/** The passage with most words of the question or their synonyms, and the words that it lacks. */
function best({ question, passages }: Known): { passage: Passage | undefined; lacks: string[] } {
  const words = wordsOf(question);
  const ranked = passages.map((passage) => {
    const said = new Set(wordsOf(`${passage.source} ${passage.text}`).map(stem));
    const has = (word: string) =>
      said.has(stem(word)) || (rowOf(word)?.terms.every((term) => said.has(stem(term))) ?? false);
    return { passage, lacks: words.filter((word) => !has(word)) };
  });
  return ranked.sort((a, b) => a.lacks.length - b.lacks.length)[0] ?? { passage: undefined, lacks: words };
}

/** Enough is known if one passage has every word of the question. */
function judge(known: Known) {
  const { lacks } = best(known);
  return { sufficient: lacks.length === 0, missing: lacks.join(" ") };
}

/** Replaces everyday words by technical terms, then drops one word at a time. */
function rewrite({ question, queries }: Known): { query: string } {
  const words = [...new Set(wordsOf(question).flatMap((word) => rowOf(word)?.terms ?? word))];
  for (let count = words.length; count > 0; count--) {
    for (let from = 0; from + count <= words.length; from++) {
      const query = words.slice(from, from + count).join(" ");
      if (!queries.includes(query)) return { query };
    }
  }
  return { query: `package ${queries.length}` };
}

/** Answers with the passage. */
function say(known: Known) {
  const { passage } = best(known);
  const [said = ""] = passage?.text.split(" Keywords: ") ?? [];
  return { answer: `${passage?.source}: ${said}`, sources: passage ? [passage.source] : [] };
}

const COMMON =
  "a about an and any are as at be by can could do does down for from has have help how i in is it its keep let make many " +
  "me my not of on one or our package packages so something than that the their them there they this to too was we what " +
  "when where which who why will with without would you your";
const common = new Set(COMMON.split(" "));

/** The significant words. */
const wordsOf = (text: string) =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => word.length > 1 && !common.has(word));

/** "limiter", "limiting" and "limits" count as one. */
function stem(word: string): string {
  return word.length > 4 ? word.replace(/(?:ations?|ing|e[drs]?|s)$/, "") : word;
}
