// Answers arithmetic questions.
import { calculate } from "./hello-flow.js";
import type { Answer } from "./serve.js";

export const answer: Answer = ({ messages }) =>
  calculate((messages[0]?.text ?? "").split("\n\n").at(-1) ?? "") ?? "I can only calculate.";
