// Takes frequent words as headings, sorts the sentences by them, and replaces pompous words.
import type { Answer } from "./serve.js";
import { sentencesOf, stemsOf } from "./text.js";

export const answer: Answer = ({ schema, text }) => {
  if (schema === "outline") return { json: { headings: outline(text.split("\n\n").slice(1).join("\n")) } };
  if (schema === "section") return { json: { text: section(text) } };
  const article = text.slice(text.indexOf("## "));
  return article
    .replaceAll(/\bin order to\b/gi, "to")
    .replaceAll(/\butili[sz]e/gi, "use")
    .replaceAll("approximately", "about");
};

function outline(notes: string): string[] {
  let left = sentencesOf(notes).map((sentence) => new Set(sentence.toLowerCase().match(/\p{L}{5,}/gu)));
  const headings: string[] = [];
  while (left.length > 0 && headings.length < 4) {
    const counts = new Map<string, number>();
    for (const words of left) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    const [best] = [...counts].sort(([, a], [, b]) => b - a);
    if (best === undefined || (best[1] < 2 && headings.length > 0)) break;
    headings.push(`${best[0][0]?.toUpperCase()}${best[0].slice(1)}`);
    left = left.filter((words) => !words.has(best[0]));
  }
  return headings.length > 0 ? headings : ["Notes"];
}

/** The sentences that the heading is the first to claim. */
function section(prompt: string): string {
  const [, list = "", heading = "", notes = ""] =
    /Headings: (.*)\nSection: (.*)\n\nNotes:\n([\s\S]*)/.exec(prompt) ?? [];
  const mine = sentencesOf(notes).filter((sentence) => {
    const stems = stemsOf(sentence);
    return list.split(", ").find((each) => [...stemsOf(each)].some((stem) => stems.has(stem))) === heading;
  });
  return mine.join(" ") || `The notes say nothing of ${heading}.`;
}
