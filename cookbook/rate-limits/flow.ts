// Two graphs of the same shape, cut → ask. What they share is the gate, which stands for the account.
import { Flow, type Gate } from "sluice";
import type { Ledger } from "./ledger.js";
import { isWorthARetry, type Llm, type Question } from "./llm.js";
import { Ask, type Cut, CutUp, lines, passages, type Shared } from "./nodes.js";

/** What the flows work with. */
export interface AccountDeps {
  readonly llm: Llm;
  /** One for the account: every flow, and every run of it, is handed the same. */
  readonly gate: Gate;
  readonly ledger: Ledger;
  /** The most texts of this flow. */
  readonly most: number;
}

/** Short texts, short answers: the limit on requests binds first. */
export const tag: Question = {
  name: "Tag",
  instructions: "Answer with the one word of the text that tells most of what it is about.",
  answerTokens: 10,
};

/** Long texts: the limit on tokens binds first. */
export const condense: Question = {
  name: "Condense",
  instructions: "Say in one sentence what the text is about.",
  answerTokens: 60,
};

/** Creates the flow that finds a word for each line. */
export function createTagFlow(deps: AccountDeps): Flow<Shared> {
  return createFlow(tag, lines, deps);
}

/** Creates the flow that finds a sentence for each passage. */
export function createCondenseFlow(deps: AccountDeps): Flow<Shared> {
  return createFlow(condense, passages, deps);
}

function createFlow(question: Question, cut: Cut, { llm, gate, ledger, most }: AccountDeps): Flow<Shared> {
  const start = new CutUp(cut, most);
  const ask = new Ask(
    { llm, question, ledger },
    {
      gate,
      concurrency: 12,
      attempts: 3,
      backoff: { delay: 200 },
      retryIf: isWorthARetry,
    },
  );
  start.next(ask).branch({ all: null, some: null });
  return new Flow(start, { name: question.name });
}
