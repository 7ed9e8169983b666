// The two steps: ask for votes, all at the same time, and count them.
import { AsyncParallelBatchNode, type Context, type ItemFailure, isFailure, Node } from "sluice";
import type { Llm } from "./llm.js";

/** An answer, and how many gave it. */
export interface Tally {
  readonly answer: string;
  readonly count: number;
}

/** The store. */
export interface Shared {
  readonly question: string;
  /** How many votes the next round asks for. */
  asking: number;
  rounds: number;
  /** The answers of all rounds, as they came. */
  readonly votes: string[];
  /** Why calls brought no answer. */
  readonly failures: string[];
  tally: readonly Tally[];
  winner?: Tally;
}

/** Creates the store of a run. */
export const createShared = (question: string, votes: number): Shared => ({
  question,
  asking: votes,
  rounds: 0,
  votes: [],
  failures: [],
  tally: [],
});

/** Asks the same question of many at the same time; none of them knows what the others say. */
export class Ask extends AsyncParallelBatchNode<Shared, string, string, "collect"> {
  readonly #llm: Llm;

  /** Who fails twice abstains: the others can do without. */
  constructor(llm: Llm) {
    super({ concurrency: 8, attempts: 2, backoff: 300, timeout: 60_000, onError: "collect" });
    this.#llm = llm;
  }

  override prep({ question, asking }: Shared): string[] {
    return Array.from({ length: asking }, () => question);
  }

  override exec(question: string, { signal }: Context): Promise<string> {
    return this.#llm.vote(question, signal);
  }

  override post(shared: Shared, _questions: string[], results: (string | ItemFailure)[]): void {
    shared.rounds++;
    for (const result of results) {
      if (!isFailure(result)) shared.votes.push(result);
      else shared.failures.push(result.error instanceof Error ? result.error.message : String(result.error));
    }
  }
}

/** Counts the votes. */
export class Count extends Node<Shared, readonly string[], Tally[]> {
  readonly #most: number;

  constructor(most: number) {
    super();
    this.#most = most;
  }

  override prep({ votes }: Shared): readonly string[] {
    return [...votes];
  }

  /** The most frequent answer first. */
  override exec(votes: readonly string[]): Tally[] {
    const counts = new Map<string, number>();
    for (const answer of votes) counts.set(answer, (counts.get(answer) ?? 0) + 1);
    const tally = [...counts].map(([answer, count]) => ({ answer, count }));
    return tally.sort((a, b) => b.count - a.count);
  }

  override post(shared: Shared, _votes: unknown, tally: Tally[]): "decided" | "tied" | "given up" {
    shared.tally = tally;
    const [first, second] = tally;
    if (first !== undefined && first.count > (second?.count ?? 0)) {
      shared.winner = first;
      return "decided";
    }
    if (first === undefined) return "given up"; // nobody could be reached, and that is not for votes to mend
    const asked = shared.votes.length + shared.failures.length;
    shared.asking = Math.min(2, this.#most - asked);
    return shared.asking > 0 ? "tied" : "given up";
  }
}
