// Answers with the two sentences of the passages that share most words with the question. Its vectors count words.
import type { Answer } from "./serve.js";
import { overlap, sentencesOf, stemsOf, vectorOf } from "./text.js";

export const options = { embed: vectorOf };

export const answer: Answer = ({ messages }) => {
  const { question, passages } = JSON.parse((messages[0]?.text ?? "{}").split("\n\n").at(-1) ?? "{}") as {
    question: string;
    passages: { number: number; source: string; text: string }[];
  };
  const asked = stemsOf(question);
  const scored = passages.flatMap(({ number, source, text }) =>
    sentencesOf(text.replaceAll(/```[\s\S]*?```/g, "")).map((sentence) => ({
      cited: `${sentence} [${number}]`,
      score: overlap(asked, stemsOf(`${sentence} ${source}`)),
    })),
  );
  const near = scored.filter(({ score }) => score >= asked.size / 2).sort((a, b) => b.score - a.score);
  const best = near.slice(0, 2).map(({ cited }) => cited);
  return best.join("\n") || "The passages do not answer that.";
};
