// Fills in a form letter from the topic and the feedback so far; it knows "shorter", "formal" and "mention …".
import type { Answer } from "./serve.js";

export const answer: Answer = ({ messages }) => {
  const [topic = "", ...feedback] = messages.filter(({ role }) => role === "user").map(({ text }) => text);
  const wants = (what: RegExp) => feedback.some((each) => what.test(each));
  const mentions = feedback.flatMap((each) => /mention (.+?)[.!]*$/i.exec(each)?.[1] ?? []);
  return [
    `${wants(/formal/i) ? "Dear customers, we" : "Dear customers and friends, we"} have news about ${topic}.`,
    ...(wants(/shorter/i) ? [] : ["We have prepared it for a long time, and today it begins."]),
    ...mentions.map((what) => `Please also note ${what}.`),
    wants(/formal/i) ? "Yours faithfully" : "See you soon!",
  ].join(" ");
};
