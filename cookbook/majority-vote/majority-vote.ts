// The same question several times in parallel: the most frequent answer wins, and a tie asks again.
import { AsyncParallelBatchNode, type Context, Flow, type ItemFailure, isFailure, node } from "sluice";
import { z } from "zod";
import type { Model } from "../lib/model.js";

export interface Shared {
  readonly question: string;
  /** The number of votes of the next round. */
  asking: number;
  /** The largest number of votes for a question, failed calls included. */
  readonly most: number;
  asked: number;
  readonly votes: string[];
  winner?: { readonly answer: string; readonly count: number };
}

const Vote = z.object({
  reasoning: z.string(),
  answer: z
    .string()
    .min(1)
    .describe("The shortest form of the answer: a number without separators, a word, a name."),
});

class Ask extends AsyncParallelBatchNode<Shared, string, string, "collect"> {
  readonly #model: Model;

  constructor(model: Model) {
    super({ ...model.calls, onError: "collect", concurrency: 8 });
    this.#model = model;
  }

  override prep({ question, asking }: Shared): string[] {
    return Array.from({ length: asking }, () => question);
  }

  override async exec(question: string, ctx: Context): Promise<string> {
    const { answer } = await this.#model.json("vote", Vote, `Think step by step.\n\n${question}`, ctx);
    return answer
      .trim()
      .toLowerCase()
      .replaceAll(/(?<=\d),(?=\d{3})|\.$/g, ""); // "1,200." and "1200" are one vote
  }

  override post(shared: Shared, questions: string[], results: (string | ItemFailure<string>)[]): void {
    shared.asked += questions.length;
    const answers = results.filter((result): result is string => !isFailure(result));
    if (answers.length === 0) throw (results.find(isFailure) as { error: unknown }).error;
    shared.votes.push(...answers);
  }
}

export function createVoteFlow(model: Model): Flow<Shared> {
  const count = node({
    name: "Count",
    prep: ({ votes }: Shared) => votes,
    exec: (votes) => {
      const counts = new Map<string, number>();
      for (const vote of votes) counts.set(vote, (counts.get(vote) ?? 0) + 1);
      return [...counts].map(([answer, count]) => ({ answer, count })).sort((a, b) => b.count - a.count);
    },
    post: (shared, _votes, [first, second], { emit }) => {
      if (first === undefined || first.count === second?.count) {
        shared.asking = Math.min(2, shared.most - shared.asked);
        void emit(`tie after ${shared.asked} votes`);
        return shared.asking > 0 ? "tied" : "given up";
      }
      shared.winner = first;
      return "decided";
    },
  });
  const ask = new Ask(model);
  ask.next(count);
  count.branch({ decided: null, tied: ask, "given up": null });
  return new Flow(ask, { name: "Vote" });
}
