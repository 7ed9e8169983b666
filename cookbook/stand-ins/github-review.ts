// Finds problems by regular expressions.
import type { Answer } from "./serve.js";

const FINDINGS: readonly (readonly [RegExp, string])[] = [
  [/console\.log/, "This prints in production, and may print personal data: use the logger, or remove it."],
  [/\bTODO\b/, "Do it now, or name the issue that will."],
  [/[^=!]==[^=]/, "This converts types: use ===."],
];

export const answer: Answer = ({ messages }) => {
  const { lines } = JSON.parse((messages[0]?.text ?? "{}").split("\n\n").at(-1) ?? "{}") as {
    lines: { line: number; text: string }[];
  };
  const comments = lines.flatMap(({ line, text }) =>
    FINDINGS.flatMap(([pattern, comment]) => (pattern.test(text) ? { line, comment } : [])),
  );
  return { json: { comments } };
};
