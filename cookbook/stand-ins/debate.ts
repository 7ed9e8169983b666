// Speakers and judge find the side of a fact by a few words, and its weight by its figures.
import type { Answer } from "./serve.js";

const GOOD = /\b(more|faster|saved?|helps?|help|fewer)\b/gi;
const BAD = /\b(lo[st]e?|overcrowded|costs?|only|short of|delays?|left|longer)\b/gi;
const count = (text: string, pattern: RegExp) => (text.match(pattern) ?? []).length;
const weigh = (fact: string) =>
  (count(fact, GOOD) - count(fact, BAD)) * (1 + 0.5 * count(fact, /\d[\d.,]*/g));

export const answer: Answer = ({ schema, messages }) => {
  const prompt = messages[0]?.text ?? "";
  const facts = [...prompt.matchAll(/^\d+\. (.*)$/gm)].map(([, text = ""]) => text);
  const said = JSON.parse(prompt.split("\n\n").at(-1) ?? "{}");
  const sum = (speeches: { fact: number }[], sign: number) =>
    Math.min(
      10,
      speeches.reduce((all, { fact }) => all + Math.max(0, sign * weigh(facts[fact - 1] ?? "")), 0),
    );
  if (schema === "scores") {
    return {
      json: { for: sum(said.for, 1), against: sum(said.against, -1), reason: "The heavier facts count." },
    };
  }
  const sign = said.side === "for" ? 1 : -1;
  const used = new Set(said.own.map(({ fact }: { fact: number }) => fact));
  const [best] = facts
    .map((text, at) => ({ fact: at + 1, text }))
    .filter(({ fact }) => !used.has(fact))
    .sort((a, b) => sign * (weigh(b.text) - weigh(a.text)));
  return { json: best ?? { fact: 1, text: "Nothing is left to say." } };
};
