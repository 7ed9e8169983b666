// A worker that first writes without the records, and looks up those that the objections name; a supervisor that
// compares words.
import type { Answer } from "./serve.js";
import { overlap, stemsOf } from "./text.js";

export const answer: Answer = ({ schema, messages }) => {
  const desk = JSON.parse((messages[0]?.text ?? "{}").split("\n\n").at(-1) ?? "{}");
  if (schema === "verdict") return { json: { objections: objectionsTo(desk) } };
  if (schema === "plan") {
    const objected = (desk.objections as string[]).join(" ");
    const unread = desk.unread as string[];
    const asked = unread.find(
      (name) => /\d/.test(name) && desk.letter.includes(name.split(" ").at(-1) ?? ""),
    );
    const record = unread.find((name) => objected.includes(name)) ?? (objected === "" ? undefined : asked);
    return { json: record === undefined ? { action: "write", record: "" } : { action: "look up", record } };
  }
  const known = Object.values(desk.read as Record<string, string>);
  return {
    json: {
      reply:
        known.length === 0
          ? "Dear customer, your lamp comes in 99 days."
          : `Dear customer, ${known.join(" ")}`,
    },
  };
};

/** The records that fit the letter, and are not in the draft. */
function objectionsTo({
  letter,
  records,
  draft,
}: {
  letter: string;
  records: Record<string, string>;
  draft: string;
}): string[] {
  const wanted = stemsOf(letter);
  return Object.entries(records)
    .filter(([name, text]) =>
      /\d/.test(name) ? letter.includes(name.split(" ").at(-1) ?? "") : overlap(stemsOf(text), wanted) > 0,
    )
    .filter(([, text]) => !draft.includes(text))
    .map(([name]) => `It does not say what "${name}" says.`);
}
