// A conversation: one node listens, one answers, and their actions alternate.
import { Flow, node } from "sluice";
import { DeniedError, type Message, type Model } from "../lib/model.js";

/** The store is the memory: each call sends all of it. */
export interface Shared {
  readonly messages: Message[];
}

/** The place of the conversation. `read` returns `undefined` when the user has left. */
export interface Terminal {
  readonly read: () => Promise<string | undefined>;
  readonly write: (text: string) => void;
}

const INSTRUCTIONS = "You talk with a user in a terminal. Answer briefly, in plain text.";

export function createChatFlow(model: Model, terminal: Terminal): Flow<Shared> {
  const listen = node({
    name: "Listen",
    exec: async () => (await terminal.read())?.trim(),
    post: (shared: Shared, _nothing, line) => {
      if (line === undefined || /^(exit|quit|bye)$/i.test(line)) return "left";
      if (line === "") return "silent";
      shared.messages.push({ role: "user", content: line });
      return "said";
    },
  });

  const answer = node({
    name: "Answer",
    ...model.calls,
    prep: ({ messages }: Shared): Message[] => [{ role: "system", content: INSTRUCTIONS }, ...messages],
    exec: async (messages, ctx) => ({ text: await model.chat(messages, ctx), isAnswer: true }),
    execFallback: (_messages, error) => {
      if (error instanceof DeniedError) throw error; // a wrong key stays wrong
      return { text: `(No answer: ${(error as Error).message})`, isAnswer: false }; // the conversation goes on
    },
    post: ({ messages }, _messages, { text, isAnswer }) => {
      if (isAnswer) messages.push({ role: "assistant", content: text });
      else messages.pop(); // a question without an answer would confuse the model
      terminal.write(text);
    },
  });

  listen.branch({ said: answer, silent: listen, left: null });
  answer.next(listen);
  return new Flow(listen, { name: "Chat" });
}
