// Takes the best sentences for the question, and asks the other documents with a passage the same question.
import type { Answer } from "./serve.js";
import { overlap, sentencesOf, stemsOf } from "./text.js";

interface Passage {
  readonly number: number;
  readonly source: string;
  readonly text: string;
}

export const answer: Answer = ({ schema, messages }) => {
  const text = messages[0]?.text ?? "";
  const material = JSON.parse(text.slice(text.indexOf("\n\n")));
  return schema === "notes" ? { json: notesOf(material) } : reportOf(material);
};

/** A further question names its document. */
function notesOf({ question, passages }: { question: string; passages: readonly Passage[] }) {
  const [, document, about = question] = /^What does (.+?) say about this: (.+)$/.exec(question) ?? [];
  const wanted = stemsOf(about);
  const read = passages.filter(({ source }) => document === undefined || documentOf(source) === document);
  const best = read
    .flatMap(({ number, text }) => sentencesOf(text).map((sentence) => ({ number, sentence })))
    .map((each) => ({ ...each, score: overlap(wanted, stemsOf(each.sentence)) }))
    .filter(({ score, sentence }) => score > 0 && sentence.length < 300)
    .sort((a, b) => b.score - a.score || a.number - b.number)
    .slice(0, 2);
  const others = [...new Set(passages.map(({ source }) => documentOf(source)))];
  return {
    text: best.map(({ sentence }) => sentence).join(" "),
    sources: [...new Set(best.map(({ number }) => number))],
    questions: others
      .filter((name) => !read.some(({ source }, at) => at === 0 && documentOf(source) === name))
      .map((name) => `What does ${name} say about this: ${about}`),
  };
}
const documentOf = (source: string) => source.split(" § ", 1)[0] ?? "";

/** The first sentence of each finding, with its sources. */
const reportOf = ({ findings }: { findings: readonly { text: string; sources: readonly number[] }[] }) =>
  findings.map(({ text, sources }) => `${sentencesOf(text)[0]} [${sources.join("][")}]`).join("\n");
