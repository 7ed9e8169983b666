// As a judge it checks for the facts' words, for praise and for length; as a writer it begins badly and follows advice.
import type { Answer } from "./serve.js";
import { overlap, sentencesOf, stemsOf } from "./text.js";

const PRAISE = ["amazing", "blazing-fast", "love"];

export const answer: Answer = ({ schema, text }) => {
  const blocks = text.split("\n\n");
  if (schema === "review") {
    const facts = (blocks[1] ?? "").split("\n").slice(1);
    return { json: review(facts, (blocks[2] ?? "").replace("Text:\n", "")) };
  }
  const facts = (blocks[1] ?? "").split("\n");
  const [draft, advice] = [blocks[3], (blocks[4] ?? "").split("\n")];
  if (draft === undefined) return `Meet the amazing and blazing-fast package that you will love! ${facts[1]}`;
  const kept = sentencesOf(draft).filter(
    (sentence) => !PRAISE.some((word) => advice.includes(`Leave out: ${word}`) && sentence.includes(word)),
  );
  const said = advice.flatMap((each) => /^Say also: (.*)/.exec(each)?.[1] ?? []).slice(0, 1);
  return [...kept, ...said].join(" ");
};

function review(facts: readonly string[], draft: string) {
  const stems = stemsOf(draft);
  const missing = facts.filter((fact) => overlap(stemsOf(fact), stems) < 0.7 * stemsOf(fact).size);
  const praise = PRAISE.filter((word) => draft.includes(word));
  const over = Math.max(0, draft.split(/\s+/).length - 50);
  const advice = [
    ...praise.map((word) => `Leave out: ${word}`),
    ...missing.map((fact) => `Say also: ${fact}`),
  ];
  const marks = {
    facts: (10 * (facts.length - missing.length)) / facts.length,
    plain: 10 - 3 * praise.length,
    brief: Math.max(0, 10 - over),
  };
  return { ...marks, advice };
}
