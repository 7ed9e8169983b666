// Replaces some words of everyday English; the language is the last word of the instructions.
import type { Answer } from "./serve.js";

const WORDS: Readonly<Record<string, readonly string[]>> = {
  German: ["und", "die", "ist", "ein"],
  French: ["et", "le", "est", "un"],
  Spanish: ["y", "el", "es", "un"],
  Italian: ["e", "il", "è", "un"],
};

export const answer: Answer = ({ messages, text }) => {
  const language = /Into: (.*)\.$/.exec(messages[0]?.text ?? "")?.[1] ?? "";
  const words = WORDS[language];
  if (words === undefined) return `[${language}] ${text}`;
  return ["and", "the", "is", "a"].reduce(
    (all, word, at) => all.replaceAll(new RegExp(`\\b${word}\\b`, "g"), words[at] ?? word),
    text,
  );
};
