// The writer, the judge, and what is delivered in the end.
import { type Context, Node } from "sluice";
import type { Llm } from "./llm.js";
import { type Review, scoreOf } from "./rubric.js";

/** A text and what was thought of it. */
export interface Draft {
  readonly text: string;
  readonly review: Review;
  readonly score: number;
}

/** The store of one commission. */
export interface Shared {
  readonly facts: readonly string[];
  readonly limits: Limits;
  /** What the writer has just written. */
  text?: string;
  readonly drafts: Draft[];
  best?: Draft;
}

/** When it is enough. */
export interface Limits {
  /** The score from which a text is good enough, 0 to 10. */
  readonly good: number;
  /** The most drafts. */
  readonly tries: number;
}

/** Creates the store of a commission. */
export const createShared = (facts: readonly string[], limits: Limits): Shared => ({
  facts,
  limits,
  drafts: [],
});

/** What the writer works from. */
export interface Task {
  readonly facts: readonly string[];
  readonly best?: Draft;
}

/** Writes a first draft, or revises the best one so far: not the last, which may have been a step back. */
export class Write extends Node<Shared, Task, string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ attempts: 3, backoff: 100, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ facts, best }: Shared): Task {
    return best === undefined ? { facts } : { facts, best };
  }

  override exec(task: Task, { signal }: Context): Promise<string> {
    return this.#llm.write(task, signal);
  }

  override post(shared: Shared, _task: Task, text: string): void {
    shared.text = text;
  }
}

/** What the judge sees: the text and the facts, and neither earlier drafts nor their marks, which would sway it. */
interface Exhibit {
  readonly facts: readonly string[];
  readonly text: string;
}

/** Marks the text by the rubric, keeps the best draft, and says whether to go on. */
export class Judge extends Node<Shared, Exhibit, Review> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ requires: ["text"], attempts: 3, backoff: 100, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ facts, text = "" }: Shared): Exhibit {
    return { facts, text };
  }

  override exec({ facts, text }: Exhibit, { signal }: Context): Promise<Review> {
    return this.#llm.judge(facts, text, signal);
  }

  override post(shared: Shared, { text }: Exhibit, review: Review, { emit }: Context) {
    const { drafts, limits } = shared;
    const draft: Draft = { text, review, score: scoreOf(review) };
    drafts.push(draft);
    if (shared.best === undefined || draft.score > shared.best.score) shared.best = draft;
    emit(draft);
    if (draft.score >= limits.good) return "good enough";
    return drafts.length < limits.tries ? "revise" : "out of tries";
  }
}
