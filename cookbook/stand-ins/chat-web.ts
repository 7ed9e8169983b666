// Answers with counts of the message, and with the previous message of the room.
import type { Answer } from "./serve.js";

export const answer: Answer = ({ messages }) => {
  const said = messages.filter(({ role }) => role === "user").map(({ text }) => text);
  const text = said.at(-1) ?? "";
  const words = text.match(/[\p{L}\p{N}'’-]+/gu) ?? [];
  const counts = `Words: ${words.length}. Characters: ${[...text].length}. Backwards: ${[...words].reverse().join(" ")}.`;
  const before = said.length === 1 ? "" : ` The first message here was: ${said[0]?.slice(0, 80)}`;
  return `${counts}${before} (${said.length})`;
};
