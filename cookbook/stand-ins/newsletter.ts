// Picks the two most central sentences of a story.
import type { Answer } from "./serve.js";
import { central } from "./text.js";

export const answer: Answer = ({ messages }) => {
  const [, head = "", ...story] = (messages[0]?.text ?? "").split("\n\n");
  return central(story.join(" "), 2) || head;
};
