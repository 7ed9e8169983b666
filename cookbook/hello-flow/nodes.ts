// The one node, in its three verbs.
import { type Context, Node } from "sluice";
import type { Llm } from "./llm.js";

/** The store: what a run is given, and what it leaves. */
export interface Shared {
  readonly question: string;
  answer?: string;
}

/** Asks a model the question. */
export class Answer extends Node<Shared, string, string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ attempts: 3, backoff: 500, timeout: 60_000 });
    this.#llm = llm;
  }

  /** Takes from the store what `exec` needs. */
  override prep({ question }: Shared): string {
    return question;
  }

  /** Does the work. It never sees the store, so it can be tried again, or given up, without harm. */
  override exec(question: string, { signal }: Context): Promise<string> {
    return this.#llm.answer(question, signal);
  }

  /** Writes the result, and would return an action if there were a way to choose. */
  override post(shared: Shared, _question: string, answer: string): void {
    shared.answer = answer;
  }
}
