// Retrieval that corrects itself: a model judges the passages, searches in other words, or says that it does not know.
import { Flow, node } from "sluice";
import { z } from "zod";
import { AnswerError, type Model } from "../lib/model.js";
import type { Passage, Search } from "./library.js";

export interface Shared {
  readonly question: string;
  /** The last one is the next to look up; the first one is the question itself. */
  readonly queries: string[];
  /** All passages found so far, without duplicates. */
  readonly passages: Passage[];
  /** The information that the last verdict missed. */
  missing?: string;
  answer?: string;
  sources?: readonly string[];
}

const Verdict = z.object({
  sufficient: z.boolean().describe("Whether the passages alone answer the question."),
  missing: z.string().describe("What they lack, in a few words; empty if they are sufficient."),
});
const Query = z.object({ query: z.string().describe("A few keywords.") });
const Answer = z.object({
  answer: z.string(),
  sources: z.array(z.string()).describe("The `source` of each passage that the answer uses."),
});

const JUDGE =
  "Judge whether the passages answer the question. Be strict: a passage that only shares words with the question does not.";
const REWRITE =
  "The queries so far did not find what is missing. Write another query for the same full-text index, in the words of the " +
  "authors of the passages: synonyms, the technical term, fewer words. Do not repeat a query.";
const ANSWER = "Answer the question in one or two sentences from the passages, and from nothing else.";

const promptOf = (task: string, { question, queries, passages, missing }: Shared) =>
  `${task}\n\n${JSON.stringify({ question, queries, passages, missing })}`;

/** @param tries - The largest number of queries for a question. */
export function createAgenticRagFlow(model: Model, search: Search, tries = 3): Flow<Shared> {
  const retrieve = node({
    name: "Retrieve",
    prep: ({ queries }: Shared) => queries.at(-1) ?? "",
    exec: (query) => search(query, 3),
    post: ({ passages }, query, found, { emit }) => {
      void emit(`  "${query}" finds ${found.map(({ source }) => source).join(", ") || "nothing"}`);
      passages.push(...found.filter(({ source }) => passages.every((each) => each.source !== source)));
    },
  });

  const judge = node({
    name: "Judge",
    ...model.calls,
    prep: (shared: Shared) => promptOf(JUDGE, shared),
    exec: (prompt, ctx) => model.json("verdict", Verdict, prompt, ctx),
    post: (shared, _prompt, { sufficient, missing }, { emit }) => {
      if (sufficient) return "enough is known";
      shared.missing = missing;
      void emit(`    nothing on ${missing}`);
      return shared.queries.length < tries ? "try other words" : "no answer";
    },
  });

  const rewrite = node({
    name: "Rewrite",
    ...model.calls,
    prep: (shared: Shared) => ({ queries: [...shared.queries], prompt: promptOf(REWRITE, shared) }),
    exec: async ({ queries, prompt }, ctx) => {
      const { query } = await model.json("query", Query, prompt, ctx);
      if (query.trim() !== "" && !queries.includes(query)) return query;
      throw new AnswerError(`Expected another query, got "${query}" again`);
    },
    post: ({ queries }, _prompt, query) => {
      queries.push(query);
    },
  });

  const answer = node({
    name: "Answer",
    ...model.calls,
    prep: (shared: Shared) => ({ passages: [...shared.passages], prompt: promptOf(ANSWER, shared) }),
    exec: async ({ passages, prompt }, ctx) => {
      const answered = await model.json("answer", Answer, prompt, ctx);
      const invented = answered.sources.filter((source) => passages.every((each) => each.source !== source));
      if (answered.sources.length > 0 && invented.length === 0) return answered;
      throw new AnswerError(`Expected sources of the passages, got ${invented.join(", ") || "none"}`);
    },
    post: (shared, _prompt, answered) => {
      Object.assign(shared, answered);
    },
  });

  /** Says what is missing, which is more useful than a guess. */
  const noAnswer = node({
    name: "NoAnswer",
    post: (shared: Shared) => {
      shared.answer = `I do not know: ${shared.queries.length} queries found nothing on ${shared.missing}.`;
    },
  });

  retrieve.next(judge);
  judge.branch({ "enough is known": answer, "try other words": rewrite, "no answer": noAnswer });
  rewrite.next(retrieve);
  return new Flow(retrieve, { name: "AgenticRag" });
}
