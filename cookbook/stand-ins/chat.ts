// Remembers what the user says about things ("my … is …"), and calculates.
import { calculate } from "./hello-flow.js";
import type { Answer } from "./serve.js";

const FACT = /\bmy ([\p{L} ]+?) is ([^.!?,]+)/giu;
const QUESTION = /\bwhat(?: is|'s|’s) my ([\p{L} ]+)/iu;

export const answer: Answer = ({ messages, text }) => {
  const said = messages.filter(({ role }) => role === "user").map((message) => message.text);
  const facts = new Map(
    said.flatMap((each) => Array.from(each.matchAll(FACT), ([, thing = "", value = ""]) => [thing, value])),
  );
  const asked = QUESTION.exec(text)?.[1]?.trim();
  if (asked !== undefined) return `Your ${asked} is ${facts.get(asked) ?? "not known to me"}.`;
  const news = [...text.matchAll(FACT)].map(([, thing, value]) => `your ${thing} is ${value}`);
  if (news.length > 0) return `I will remember that ${news.join(" and ")}.`;
  return calculate(text) ?? `That was message ${said.length}. Say something: “my … is …”.`;
};
