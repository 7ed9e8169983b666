// Answers like the stand-in of chat-web, and suggests questions with the longest words of the conversation.
import { answer as chat } from "./chat-web.js";
import type { Answer } from "./serve.js";

export const answer: Answer = (request) => {
  if (request.schema !== "questions" && !request.tools.includes("questions")) return chat(request);
  const said = request.messages.filter(({ role }) => role === "user").slice(0, -1); // the last asks for questions
  const words = said.flatMap(({ text }) => text.match(/\p{L}{4,}/gu) ?? []);
  const longest = [...new Set(words)].sort((a, b) => b.length - a.length).slice(0, 2);
  return { json: { questions: longest.map((word) => `How is ${word} written backwards?`) } };
};
