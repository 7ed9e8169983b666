// The steps: a check, a guard of several checks at once, the answer, and what is said in its place.
import { type BaseNode, type Context, Flow, Node, parallel } from "sluice";
import { type Case, isWorthARetry, type Llm } from "./llm.js";

/** Why a question is not answered. */
export interface Refusal {
  /** The check that was not passed. */
  readonly by: string;
  readonly reason: string;
}

/** The store of one question. */
export interface Shared extends Case {
  /** What the model said, whether it may be said or not. */
  answer?: string;
  refusal?: Refusal;
  /** What the person is told. */
  reply?: string;
}

/** Says what is wrong with a question or an answer, or nothing. */
export type Finding = (what: Case, signal: AbortSignal) => string | undefined | Promise<string | undefined>;

/** No failure, but the way to stop the checks beside this one. */
class Refused extends Error {
  override name = "Refused";
}

/** Looks for one thing that is wrong. */
export class Check extends Node<Shared, Case, string | undefined> {
  readonly #find: Finding;

  constructor(name: string, find: Finding) {
    super({ name, attempts: 2, backoff: 200, retryIf: isWorthARetry, timeout: 20_000 });
    this.#find = find;
  }

  override prep({ guide, question, answer }: Shared): Case {
    return answer === undefined ? { guide, question } : { guide, question, answer };
  }

  override async exec(what: Case, { signal }: Context): Promise<string | undefined> {
    return this.#find(what, signal);
  }

  override post(shared: Shared, _what: Case, reason: string | undefined): void {
    if (reason === undefined) return;
    shared.refusal ??= { by: this.name, reason };
    throw new Refused(reason);
  }
}

/**
 * Makes the checks that cost nothing, and then the others, each kind at the same time. The first that finds
 * something aborts those beside it; one that cannot be made ends the run with its error, so that nothing passes
 * unchecked.
 */
export class Guard extends Flow<Shared> {
  constructor(name: string, rules: readonly BaseNode<Shared>[], judges: readonly BaseNode<Shared>[]) {
    const first = parallel(rules, { until: "all", name: "rules" });
    first.next(parallel(judges, { until: "all", name: "judges" }));
    super(first, { name });
  }

  override execFallback(_nothing: undefined, error: unknown): "refused" {
    if (error instanceof Refused) return "refused";
    throw error;
  }

  override post(_shared: Shared, _nothing: undefined, action?: "refused"): "passed" | "refused" {
    return action ?? "passed";
  }
}

/** Has the model answer. */
export class Answer extends Node<Shared, Case, string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ attempts: 3, backoff: { delay: 500 }, retryIf: isWorthARetry, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ guide, question }: Shared): Case {
    return { guide, question };
  }

  override exec(what: Case, { signal }: Context): Promise<string> {
    return this.#llm.answer(what, signal);
  }

  override post(shared: Shared, _what: Case, answer: string): void {
    shared.answer = answer;
  }
}

/** Hands the answer out. Only what passed both guards gets here. */
export class Reply extends Node<Shared, string> {
  override prep({ answer = "" }: Shared): string {
    return answer;
  }

  override post(shared: Shared, answer: string): void {
    shared.reply = answer;
  }
}

/** Says the same to everyone who is refused: a reason would teach how to get round it. */
export class Refuse extends Node<Shared> {
  override post(shared: Shared): void {
    shared.reply = "I can only help with questions about house plants. Please ask me about yours.";
  }
}
