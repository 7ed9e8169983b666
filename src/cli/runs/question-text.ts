// Formats the open questions of runs.
import { inspect } from "node:util";
import type { WaitingQuestion } from "sluice/journal";
import { age, printableLines, table } from "../terminal-text.js";

/** A question on one line. */
export const shortQuestion = (question: unknown): string =>
  typeof question === "string"
    ? question
    : inspect(question, {
        depth: 4,
        breakLength: Number.POSITIVE_INFINITY,
        maxStringLength: 200,
        maxArrayLength: 10,
      });

/** Questions in a table. */
export const questionTable = (
  questions: readonly Pick<WaitingQuestion, "token" | "key" | "question">[],
  width: number | undefined,
): string =>
  table(
    [
      ["TOKEN", "AT", "QUESTION"],
      ...questions.map(({ token, key, question }) => [token, key, shortQuestion(question)]),
    ],
    width,
  );

/** A whole value, as indented lines. */
export function valueLines(value: unknown, indent: string, width = 100): string {
  const breakLength = Math.max(20, width - indent.length);
  const text =
    typeof value === "string" ? value : inspect(value, { depth: 20, breakLength, maxArrayLength: 1_000 });
  return printableLines(text).replaceAll("\n", `\n${indent}`);
}

/** A question in full. */
export function longQuestion(asked: WaitingQuestion, now: number, width: number | undefined): string {
  const { token, key, path, index, question, askedAt, expiresAt } = asked;
  const where = path.map((part) => (typeof part === "number" ? `[${part}]` : part)).join(" › ");
  const item = index === undefined ? "" : ` [${index}]`;
  const times = `${age(now - askedAt.getTime())} ago${expiryOf(expiresAt, now)}`;
  return [
    `  token     ${token}`,
    `  path      ${printableLines(`${where}${item}`)}`,
    `  key       ${printableLines(key)}`,
    `  asked     ${times}`,
    `  question  ${valueLines(question, " ".repeat(12), width)}`,
    "",
  ].join("\n");
}

function expiryOf(expiresAt: Date | undefined, now: number): string {
  if (expiresAt === undefined) return "";
  const left = expiresAt.getTime() - now;
  return left > 0 ? `, expires in ${age(left)}` : `, expired ${age(-left)} ago`;
}
