// Extractive summaries without a model: the three sentences that have most in common with all others.
import { marked, type Token } from "marked";

const sentencesOf = new Intl.Segmenter("en", { granularity: "sentence" });
const wordsOf = new Intl.Segmenter("en", { granularity: "word" });

/** More would make the comparison of each with each slow, and summaries no better. */
const MOST_SENTENCES = 120;

/**
 * Picks the most central sentences of a text or a Markdown document, in their order.
 *
 * TextRank (Mihalcea and Tarau, 2004), biased towards the beginning, where a document says what it is about.
 */
export function summariseText(markdown: string, count = 3): string {
  const found = prose(marked.lexer(markdown)).flatMap((paragraph) =>
    Array.from(sentencesOf.segment(paragraph), ({ segment }) => segment.trim()),
  );
  const sentences = [...new Set(found)]
    .map((text, at) => ({ at, text, words: contentWords(text) }))
    .filter(({ words }) => words.size >= 3)
    .slice(0, MOST_SENTENCES);
  if (sentences.length === 0) return markdown.trim().split("\n", 1)[0] ?? "";
  const ranks = textRank(sentences.map(({ words }) => words));
  return sentences
    .map((sentence, at) => ({ ...sentence, rank: ranks[at] ?? 0 }))
    .sort((a, b) => b.rank - a.rank)
    .slice(0, count)
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => (/[.!?:…。]$/u.test(text) ? text : `${text}.`))
    .join(" ");
}

/** The paragraphs and list items, without code, tables, images and markup. */
function prose(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token) => {
    if (token.type === "list") return token.items.flatMap((item: Token) => prose(children(item)));
    if (token.type === "blockquote") return prose(children(token));
    if (token.type === "html") return token.raw.split(/<[^>]*>/).flatMap(tidy);
    return token.type === "paragraph" || token.type === "text" ? tidy(plain(token)) : [];
  });
}

function plain(token: Token): string {
  if (token.type === "image" || token.type === "html") return "";
  if (token.type === "br") return " ";
  const inner = children(token);
  return inner.length > 0 ? inner.map(plain).join("") : "text" in token ? String(token.text) : "";
}

function tidy(text: string): string[] {
  const line = text.replace(/&\w+;|\s+/g, " ").trim();
  return line === "" ? [] : [line];
}

const children = (token: Token): Token[] => ("tokens" in token && token.tokens) || [];

/** The words that carry meaning: in most languages those of four letters or more. */
function contentWords(sentence: string): Set<string> {
  const words = Array.from(wordsOf.segment(sentence)).filter(({ isWordLike }) => isWordLike);
  return new Set(words.map(({ segment }) => segment.toLowerCase()).filter(isContent));
}

const isContent = (word: string) => word.length >= 4 || /\p{Script=Han}|\p{Script=Hiragana}/u.test(word);

/** PageRank over sentences that are linked by the words they share. */
function textRank(sentences: readonly ReadonlySet<string>[]): number[] {
  const links = sentences.map((a) => sentences.map((b) => (a === b ? 0 : similarity(a, b))));
  const totals = links.map((row) => row.reduce((sum, link) => sum + link, 0));
  const first = sentences.map((_, at) => 1 / (at + 2));
  const all = first.reduce((sum, weight) => sum + weight, 0);
  const start = first.map((weight) => weight / all);
  let ranks = start;
  for (let round = 0; round < 20; round++) {
    ranks = start.map((weight, to) => {
      const inflow = links.reduce((sum, row, from) => {
        const total = totals[from] ?? 0;
        return total === 0 ? sum : sum + ((ranks[from] ?? 0) * (row[to] ?? 0)) / total;
      }, 0);
      return 0.15 * weight + 0.85 * inflow;
    });
  }
  return ranks;
}

function similarity(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const word of a) if (b.has(word)) shared++;
  return shared / (Math.log(a.size) + Math.log(b.size));
}
