// The steps of the agent: decide, search, answer.
import { type Context, Node } from "sluice";
import type { Library } from "./library.js";
import type { Decision, Finding, Known, Llm } from "./llm.js";

/** The store of one run. */
export interface Shared extends Known {
  readonly question: string;
  /** Each search with what it found: all that the agent remembers. */
  readonly findings: Finding[];
  decision?: Decision;
  answer?: string;
}

/** What the agent tells while it works. */
export type Progress = { readonly thought: string } | { readonly searched: Finding };

/** Creates the store of a run. */
export const createShared = (question: string): Shared => ({ question, findings: [] });

/** A vendor that is busy, or an answer that is no decision: asking again may help. */
const patient = (backoff: number) => ({ attempts: 3, backoff, timeout: 60_000 });

/** Has the model choose what to do next, in view of all that was found. */
export class Decide extends Node<Shared, Known, Decision> {
  readonly #llm: Llm;

  constructor(llm: Llm, backoff: number) {
    super(patient(backoff));
    this.#llm = llm;
  }

  override prep({ question, findings }: Shared): Known {
    return { question, findings: [...findings] };
  }

  override exec(known: Known, { signal }: Context): Promise<Decision> {
    return this.#llm.decide(known, signal);
  }

  /** The type of what `post` returns is what can be linked: a third action would not compile. */
  override async post(
    shared: Shared,
    _known: Known,
    made: Decision,
    { emit }: Context,
  ): Promise<"search" | "answer"> {
    shared.decision = made;
    await emit({ thought: made.thought } satisfies Progress);
    return made.action;
  }
}

/** Looks the model's query up. */
export class Search extends Node<Shared, string, Finding> {
  readonly #library: Library;

  constructor(library: Library) {
    super({ requires: ["decision"] });
    this.#library = library;
  }

  override prep({ decision }: Shared): string {
    return decision?.query ?? "";
  }

  override exec(query: string): Finding {
    return { query, passages: this.#library.search(query, 3) };
  }

  override async post(shared: Shared, _query: string, finding: Finding, { emit }: Context): Promise<void> {
    shared.findings.push(finding);
    await emit({ searched: finding } satisfies Progress);
  }
}

/** Has the model answer from what was found. */
export class Answer extends Node<Shared, Known, string> {
  readonly #llm: Llm;

  constructor(llm: Llm, backoff: number) {
    super(patient(backoff));
    this.#llm = llm;
  }

  override prep({ question, findings }: Shared): Known {
    return { question, findings: [...findings] };
  }

  override exec(known: Known, { signal }: Context): Promise<string> {
    return this.#llm.answer(known, signal);
  }

  override post(shared: Shared, _known: Known, answer: string): void {
    shared.answer = answer;
  }
}
