// An agent: a model decides what to search for, reads what was found, decides again, and answers.
import { Flow, node } from "sluice";
import { z } from "zod";
import { AnswerError, type Model } from "../lib/model.js";
import type { Library, Passage } from "./library.js";

export interface Shared {
  readonly question: string;
  /** The agent's memory: each search with its results. */
  readonly findings: { readonly query: string; readonly passages: readonly Passage[] }[];
  query?: string;
  answer?: string;
}

const DECIDE =
  "You research a question in a library of documentation. Below are the question and, as JSON, each search so far with " +
  "what it found. Search again, with other keywords than before, while part of the question is open. Answer when it can " +
  "be answered, or when further searches will not help.";
const ANSWER =
  "Answer the question from the passages below, and from nothing else. Give the source of each statement in square " +
  "brackets. If the passages do not answer the question, say so.";

const Decision = z.object({
  thought: z.string().describe("One sentence: what is known, and what is missing."),
  action: z.enum(["search", "answer"]),
  query: z.string().describe("A few keywords to search for; empty for an answer."),
});

const promptOf = (task: string, { question, findings }: Shared) =>
  `${task}\n\nQuestion: ${question}\n\n${JSON.stringify(findings)}`;

/** Only the model ends the loop, so run it with `maxSteps`. */
export function createAgentFlow(model: Model, library: Pick<Library, "search">): Flow<Shared> {
  const decide = node({
    name: "Decide",
    ...model.calls,
    prep: (shared: Shared) => promptOf(DECIDE, shared),
    exec: async (prompt, ctx) => {
      const decision = await model.json("decision", Decision, prompt, ctx);
      if (decision.action === "answer" || decision.query.trim() !== "") return decision;
      throw new AnswerError("Expected keywords to search for, got none");
    },
    post: (shared, _prompt, { thought, action, query }, { emit }) => {
      shared.query = query;
      void emit(`\n${thought}`);
      return action; // its type is what can be linked
    },
  });

  const search = node({
    name: "Search",
    requires: ["query"],
    prep: ({ query = "" }: Shared) => query,
    exec: (query) => library.search(query, 3),
    post: ({ findings }, query, passages, { emit }) => {
      findings.push({ query, passages });
      void emit(
        `  Search: ${query}\n${passages.map(({ source }) => `    ${source}`).join("\n") || "    nothing"}`,
      );
    },
  });

  const answer = node({
    name: "Answer",
    ...model.calls,
    prep: (shared: Shared) => promptOf(ANSWER, shared),
    exec: (prompt, ctx) => model.chat(prompt, ctx),
    post: (shared, _prompt, text) => {
      shared.answer = text;
    },
  });

  decide.branch({ search, answer });
  search.next(decide);
  return new Flow(decide, { name: "Agent" });
}
