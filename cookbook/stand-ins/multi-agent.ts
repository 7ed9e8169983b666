// Knows a few things and their properties; for other words its hints are letters.
import type { Answer } from "./serve.js";

const THINGS: Readonly<Record<string, readonly string[]>> = {
  penguin: ["cold", "outside", "animal", "swims"],
  snowman: ["cold", "outside", "round", "melts"],
  barbecue: ["hot", "outside", "smoke", "meat"],
  volcano: ["hot", "outside", "smoke", "lava"],
  piano: ["music", "wood", "keys"],
  violin: ["music", "wood", "strings", "bow"],
  guitar: ["music", "wood", "strings", "six"],
};

export const answer: Answer = ({ schema, messages }) => {
  const notes = JSON.parse((messages[0]?.text ?? "{}").split("\n\n").at(-1) ?? "{}");
  return { json: schema === "hint" ? { hint: hintFor(notes) } : { guess: guessFrom(notes) } };
};

function hintFor({ word, taboo, hints }: { word: string; taboo: string[]; hints: string[] }): string {
  const known = (THINGS[word.toLowerCase()] ?? []).filter((each) => !taboo.includes(each));
  const next = known.find((each) => !hints.includes(`It has to do with: ${each}.`));
  if (next !== undefined) return `It has to do with: ${next}.`;
  const at = hints.filter((hint) => hint.startsWith("Letter")).length % word.length;
  return `Letter ${at + 1} of ${word.length}: ${word[at]?.toLowerCase()}.`;
}

/** The thing that fits most hints; if none does, a guess from the letters. */
function guessFrom({ hints, guesses }: { hints: string[]; guesses: string[] }): string {
  const topics = hints.flatMap((hint) => /do with: (.+)\.$/.exec(hint)?.[1] ?? []);
  const letters = hints.flatMap((hint) => /^Letter (\d+) of (\d+): (.)/u.exec(hint) ?? []);
  const scoreOf = (words: readonly string[]) => topics.filter((topic) => words.includes(topic)).length;
  const open = Object.entries(THINGS).filter(([name]) => !guesses.includes(name));
  const [best] = open.sort(([, a], [, b]) => scoreOf(b) - scoreOf(a));
  if (topics.length > 0 && best !== undefined) return best[0];
  const word = Array.from({ length: Number(letters[2] ?? 1) }, () => "_");
  for (let at = 0; at < letters.length; at += 4) word[Number(letters[at + 1]) - 1] = letters[at + 3] ?? "_";
  return word.join("");
}
