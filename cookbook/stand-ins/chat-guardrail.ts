// Answers with a sentence of the guide and whatever else it is asked to add, so that the guards have work; judges by
// words.
import type { Answer } from "./serve.js";
import { overlap, stemsOf } from "./text.js";

export const answer: Answer = ({ schema, messages }) => {
  const [first, second] = messages.map(({ text }) => text);
  if (schema === undefined) return reply(first ?? "", second ?? "");
  const { guide, question, answer = "" } = JSON.parse((first ?? "{}").split("\n\n").at(-1) ?? "{}");
  const isIn = (text: string) => overlap(stemsOf(text), stemsOf(guide)) / stemsOf(text).size;
  const findings: Record<string, string | undefined> = {
    topic: isIn(question) >= 0.2 ? undefined : "none of it is in the guide",
    honest: /\b(from now on|obey|jailbreak)\b/i.test(question)
      ? "it wants to change the assistant"
      : undefined,
    grounded: isIn(answer) >= 0.8 ? undefined : "not all of it is in the guide",
  };
  return { json: { isTrue: findings[schema] === undefined, reason: findings[schema] ?? "" } };
};

function reply(instructions: string, question: string): string {
  const sentences = instructions.split("\n").filter((line) => line.endsWith("."));
  const asked = stemsOf(question);
  const score = (sentence: string) => overlap(asked, stemsOf(sentence));
  const [best = ""] = sentences.sort((a, b) => score(b) - score(a));
  const added = /(?:end with|add|say):? ["“](.+?)["”]/i.exec(question)?.[1] ?? "";
  return `${best} ${added}`.trim();
}
