// Finds skills by the words in the list, and years by numbers.
import type { Answer } from "./serve.js";
import { sentencesOf } from "./text.js";

const NUMBERS = [
  "zero",
  "one",
  "two",
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
];

export const answer: Answer = ({ messages }) => {
  const [, list = "", resume = ""] = /Skills: (.*)\n\n([\s\S]*)/.exec(messages[0]?.text ?? "") ?? [];
  const quotes = list.split(", ").flatMap((skill) => {
    const quote = sentencesOf(resume).find((sentence) => sentence.toLowerCase().includes(skill));
    return quote === undefined ? [] : [{ skill, quote }];
  });
  const spans = Array.from(resume.matchAll(/(\d{4})–(\d{4})/g), ([, from, to]) => Number(to) - Number(from));
  const stated = Array.from(
    resume.matchAll(/(\w+) years/gi),
    ([, word = ""]) => Number(word) || NUMBERS.indexOf(word.toLowerCase()),
  );
  const years = [...spans, ...stated.filter((each) => each > 0)].reduce((a, b) => a + b, 0);
  return { json: { name: resume.trim().split("\n")[0], years, skills: quotes } };
};
