// Streams answers, which the user can stop: the part that was shown is kept.
import { Flow, node } from "sluice";
import type { Message, Model } from "../lib/model.js";

export interface Shared {
  readonly messages: Message[];
}

export interface Person {
  /** The next question; `undefined` when there is none. */
  readonly question: () => Promise<string | undefined>;
  /** Aborts when the user stops the answer that begins now. */
  readonly enough: () => AbortSignal;
  readonly show: (text: string) => void;
}

const INSTRUCTIONS =
  "You talk with a person in a terminal, in plain text. The person may stop your answer and has then read no more " +
  "than you had written. If asked to go on, continue at that point and repeat nothing.";
const STOPPED: Message = { role: "system", content: "The person stopped the answer here." };

export function createTalkFlow(model: Model, person: Person): Flow<Shared> {
  const listen = node({
    name: "Listen",
    exec: () => person.question(),
    post: ({ messages }: Shared, _nothing, question) => {
      if (question === undefined) return "left";
      messages.push({ role: "user", content: question });
      return "asked";
    },
  });

  const answer = node({
    name: "Answer",
    ...model.calls,
    attempts: 1, // shown text cannot be taken back
    prep: ({ messages }: Shared): Message[] => [{ role: "system", content: INSTRUCTIONS }, ...messages],
    exec: async (messages, { signal, charge }) => {
      const enough = person.enough();
      let text = "";
      try {
        for await (const piece of model.stream(messages, {
          signal: AbortSignal.any([signal, enough]),
          charge,
        })) {
          text += piece;
          person.show(piece);
        }
      } catch (error) {
        if (!enough.aborted) throw error;
      }
      return { text, isStopped: enough.aborted };
    },
    execFallback: (_messages, error) => {
      person.show(`\n(The answer is incomplete and is not kept: ${(error as Error).message})`);
      throw error;
    },
    post: ({ messages }, _messages, { text, isStopped }) => {
      if (text !== "") messages.push({ role: "assistant", content: text });
      if (isStopped) messages.push(STOPPED);
      person.show(isStopped ? " … (stopped)\n" : "\n");
    },
  });

  listen.branch({ asked: answer, left: null });
  answer.next(listen);
  return new Flow(listen, { name: "Talk" });
}
