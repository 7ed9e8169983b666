// Remembers what is in its prompt, like the stand-in of chat, and recalled exchanges. Its vectors count words.
import { answer as chat } from "./chat.js";
import type { Answer } from "./serve.js";
import { vectorOf } from "./text.js";

export const options = { embed: vectorOf };

export const answer: Answer = (request) => {
  const [, recalled] = request.messages;
  const exchanges = JSON.parse(recalled?.text.slice(recalled.text.indexOf("[")) ?? "[]") as {
    question: string;
  }[];
  const earlier = exchanges.map(({ question }) => ({ role: "user", text: question }));
  return chat({ ...request, messages: [...earlier, ...request.messages] });
};
