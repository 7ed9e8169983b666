// One node asks a model one question.
import { Flow, node } from "sluice";
import type { Model } from "../lib/model.js";

/** The store: the input of a run, and its result. */
export interface Shared {
  readonly question: string;
  answer?: string;
}

export function createHelloFlow(model: Model): Flow<Shared> {
  const answer = node({
    name: "Answer",
    ...model.calls, // the account's gate, attempts, a timeout
    prep: (shared: Shared) => shared.question,
    exec: (question, ctx) => model.chat(question, ctx), // never sees the store
    post: (shared, _question, text) => {
      shared.answer = text;
    },
  });
  return new Flow(answer, { name: "Hello" });
}
