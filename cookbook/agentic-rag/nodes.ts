// The steps: retrieve, judge, rewrite, and at the end answer or give up.
import { type Context, Node } from "sluice";
import type { Library, Passage } from "./library.js";
import type { Answered, Known, Llm, Verdict } from "./llm.js";

/** The store of one run. */
export interface Shared {
  readonly question: string;
  /** The queries so far; the last one is the one to look up. */
  readonly queries: string[];
  /** What was found, each passage once. */
  readonly passages: Passage[];
  verdict?: Verdict;
  answer?: string;
  sources?: readonly string[];
}

/** What the run tells while it goes on. */
export type Progress =
  | { readonly query: string; readonly found: readonly string[] }
  | { readonly verdict: Verdict };

/** Creates the store of a run: people's own words are the first query. */
export const createShared = (question: string): Shared => ({ question, queries: [question], passages: [] });

const knownOf = ({ question, queries, passages, verdict }: Shared): Known => ({
  question,
  queries: [...queries],
  passages: [...passages],
  ...(verdict && { missing: verdict.missing }),
});

/** Looks the last query up, and keeps what is new. */
export class Retrieve extends Node<Shared, string, Passage[]> {
  readonly #library: Library;

  constructor(library: Library) {
    super();
    this.#library = library;
  }

  override prep({ queries }: Shared): string {
    return queries.at(-1) ?? "";
  }

  override exec(query: string): Passage[] {
    return this.#library.search(query, 3);
  }

  override async post(
    { passages }: Shared,
    query: string,
    found: Passage[],
    { emit }: Context,
  ): Promise<void> {
    const known = new Set(passages.map(({ source }) => source));
    passages.push(...found.filter(({ source }) => !known.has(source)));
    await emit({ query, found: found.map(({ source }) => source) } satisfies Progress);
  }
}

/** A step that asks the model, again if what it says is of no use. */
abstract class Asking<Result> extends Node<Shared, Known, Result> {
  protected readonly llm: Llm;

  constructor(llm: Llm, backoff: number) {
    super({ attempts: 3, backoff, timeout: 60_000 });
    this.llm = llm;
  }

  override prep(shared: Shared): Known {
    return knownOf(shared);
  }
}

/** Has the model say whether the passages answer the question, and decides whether another try is worth it. */
export class Judge extends Asking<Verdict> {
  readonly #tries: number;

  /** @param tries How many queries may be looked up. */
  constructor(llm: Llm, backoff: number, tries: number) {
    super(llm, backoff);
    this.#tries = tries;
  }

  override exec(known: Known, { signal }: Context): Promise<Verdict> {
    return this.llm.judge(known, signal);
  }

  override async post(shared: Shared, _known: Known, verdict: Verdict, { emit }: Context) {
    shared.verdict = verdict;
    await emit({ verdict } satisfies Progress);
    if (verdict.sufficient) return "enough is known";
    return shared.queries.length < this.#tries ? "try other words" : "give up";
  }
}

/** Has the model put the question in other words. */
export class Rewrite extends Asking<string> {
  override exec(known: Known, { signal }: Context): Promise<string> {
    return this.llm.rewrite(known, signal);
  }

  override post(shared: Shared, _known: Known, query: string): void {
    shared.queries.push(query);
  }
}

/** Has the model answer from the passages. */
export class Answer extends Asking<Answered> {
  override exec(known: Known, { signal }: Context): Promise<Answered> {
    return this.llm.answer(known, signal);
  }

  override post(shared: Shared, _known: Known, { answer, sources }: Answered): void {
    shared.answer = answer;
    shared.sources = sources;
  }
}

/** Says what was tried and what is missing, which is more than a guess is worth. No model is asked. */
export class GiveUp extends Node<Shared> {
  override post(shared: Shared): void {
    const { queries, passages, verdict } = shared;
    const found =
      passages.length > 0 ? ` They found: ${passages.map(({ source }) => source).join(", ")}.` : "";
    shared.answer = `I do not know. ${queries.length} queries found nothing on ${verdict?.missing}.${found}`;
    shared.sources = [];
  }
}
