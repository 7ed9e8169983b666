// What a line at the terminal means. Prints nothing.
import type { Decision } from "./desk.js";

/** A decision, about a draft that was named by its number or about the only one. */
export interface Command {
  readonly id: number | undefined;
  readonly decision: Decision;
}

export const USAGE = "approve · reject <why> · edit <text>, with the number in front: 2 reject too long";

/** Reads a line. @returns What is wrong with it, where it is none. */
export function parseCommand(line: string): Command | string {
  const [, number, word = "", rest = ""] = /^\s*(\d+)?\s*(\p{L}*)\s*(.*?)\s*$/u.exec(line) ?? [];
  const id = number === undefined ? undefined : Number(number);
  const [verdict] = ["approve", "reject", "edit"].filter(
    (each) => word !== "" && each.startsWith(word.toLowerCase()),
  );
  if (verdict === "approve") {
    // "approve it without the second sentence" is no approval.
    return rest === ""
      ? { id, decision: { verdict } }
      : `To approve, write nothing behind it, not "${rest}".`;
  }
  if (verdict === "reject")
    return rest ? { id, decision: { verdict, feedback: rest } } : "To reject, say why.";
  if (verdict === "edit")
    return rest ? { id, decision: { verdict, text: rest } } : "To edit, write the new text.";
  return `Expected ${USAGE}; got "${line.trim()}".`;
}
