// Analyses the question at length; continues after a stopped answer.
import type { Answer } from "./serve.js";

export const answer: Answer = ({ messages }) => {
  const wasStopped = messages.at(-2)?.role === "system" && messages.length > 2;
  const at = wasStopped ? messages.length - 4 : messages.length - 1;
  const whole = takeApart(messages[at]?.text ?? "");
  const said = wasStopped ? (messages[at + 1]?.text ?? "") : "";
  return (whole.startsWith(said) ? whole.slice(said.length) : whole) || "That was all.";
};

function takeApart(question: string): string {
  const words = question.match(/[\p{L}\p{N}'’-]+/gu) ?? [];
  const facts = words.map((word, at) => {
    const vowels = word.match(/[aeiouäöü]/gi)?.length ?? 0;
    return `Word ${at + 1} is “${word}”: ${word.length} letters, ${vowels} of them vowels, backwards “${[...word].reverse().join("")}”.`;
  });
  return [`You wrote ${words.length} words.`, ...facts].join(" ");
}
