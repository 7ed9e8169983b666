// The two steps of both flows: cut the document up, and put a question to every piece.
import {
  AsyncParallelBatchNode,
  type Context,
  type ItemFailure,
  isFailure,
  Node,
  type ParallelBatchNodeOptions,
} from "sluice";
import type { Ledger } from "./ledger.js";
import { estimateTokens, isRefusal, type Llm, type Question } from "./llm.js";

/** What the nodes share, one for each run. */
export interface Shared {
  readonly document: string;
  texts?: readonly string[];
  /** The answer to each text, in their order; `undefined` where there is none. */
  answers: readonly (string | undefined)[];
  /** Why there is none. */
  errors: readonly string[];
}

/** Cuts a document into the pieces that a question is put to. */
export type Cut = (document: string) => string[];

/** Each line that says something. */
export const lines: Cut = (document) =>
  document.split("\n").filter((line) => line.length >= 40 && /\p{L}/u.test(line));

/** Passages of 900 letters that overlap by more than half, as one makes them for a search index. */
export const passages: Cut = (document) => {
  const starts = Array.from(
    { length: Math.max(1, Math.ceil((document.length - 900) / 350) + 1) },
    (_, n) => 350 * n,
  );
  return starts.map((start) => document.slice(start, start + 900));
};

/** Cuts the document up. */
export class CutUp extends Node<Shared, string, string[]> {
  readonly #cut: Cut;
  readonly #most: number;

  constructor(cut: Cut, most: number) {
    super();
    this.#cut = cut;
    this.#most = most;
  }

  override prep({ document }: Shared): string {
    return document;
  }

  override exec(document: string): string[] {
    return this.#cut(document).slice(0, this.#most);
  }

  override post(shared: Shared, _document: string, texts: string[]): void {
    shared.texts = texts;
  }
}

/** What {@link Ask} works with. */
export interface AskTools {
  readonly llm: Llm;
  readonly question: Question;
  readonly ledger: Ledger;
}

/** Puts the question to every text, as fast as the gate lets it. */
export class Ask extends AsyncParallelBatchNode<Shared, string, string, "collect"> {
  readonly #tools: AskTools;

  constructor(tools: AskTools, options: ParallelBatchNodeOptions<Shared, "collect">) {
    super({ name: tools.question.name, requires: ["texts"], ...options, onError: "collect" });
    this.#tools = tools;
  }

  override prep({ texts = [] }: Shared): readonly string[] {
    return texts;
  }

  /** The gate reserves this before each call. */
  override cost(text: string): number {
    return estimateTokens(this.#tools.question, text);
  }

  /** Runs again from its first line when the vendor said 429: the gate has sat out the pause by then. */
  override async exec(text: string, { signal, charge, index = 0 }: Context): Promise<string> {
    const { llm, question, ledger } = this.#tools;
    const call = ledger.open(question.name, index);
    try {
      const { answer, tokens } = await llm.ask(question, text, signal);
      charge(tokens);
      call.outcome = "paid";
      call.tokens = tokens;
      return answer;
    } catch (error) {
      call.outcome = isRefusal(error) ? "refused" : "failed";
      throw error;
    } finally {
      call.until = performance.now();
    }
  }

  override post(shared: Shared, _texts: unknown, results: (string | ItemFailure<string>)[]): "all" | "some" {
    shared.answers = results.map((result) => (isFailure(result) ? undefined : result));
    shared.errors = results.flatMap((result) => (isFailure(result) ? [String(result.error)] : []));
    return shared.errors.length === 0 ? "all" : "some";
  }
}
