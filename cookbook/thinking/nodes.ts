// One thought, again and again, and the check of what it comes to.
import { type Context, Node } from "sluice";
import type { Llm, Step, Thought } from "./llm.js";
import { objectionTo, type Puzzle } from "./puzzle.js";

/** The store of one puzzle. */
export interface Shared {
  readonly puzzle: Puzzle;
  /** The most thoughts. */
  readonly most: number;
  readonly thoughts: Thought[];
  /** What is to be done and what was done: all that the next thought needs of the earlier ones. */
  plan: readonly Step[];
  /** The moves that were concluded; none say that it cannot be done. */
  answer?: readonly string[];
  /** What was wrong with the last conclusion. */
  objection?: string | undefined;
}

/** Creates the store of a puzzle. */
export const createShared = (puzzle: Puzzle, most: number): Shared => ({
  puzzle,
  most,
  thoughts: [],
  plan: [],
});

/** What a thought begins with. */
export interface Mind {
  readonly puzzle: Puzzle;
  readonly plan: readonly Step[];
  readonly objection: string | undefined;
}

/** Does one step of the plan and revises the rest; leads to itself until it comes to a conclusion. */
export class Think extends Node<Shared, Mind, Thought> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ attempts: 3, backoff: 100, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ puzzle, plan, objection }: Shared): Mind {
    return { puzzle, plan, objection };
  }

  /** A plan may be revised, but what was found out must not be forgotten: such a thought is a failed attempt. */
  override async exec(mind: Mind, { signal }: Context): Promise<Thought> {
    const thought = await this.#llm.think(mind, signal);
    const kept = new Set(thought.plan.map(({ step, status }) => `${status}: ${step}`));
    const lost = mind.plan.filter(({ step, status }) => status === "done" && !kept.has(`done: ${step}`));
    if (lost.length > 0) throw new Error(`The new plan has lost what was done: "${lost[0]?.step}"`);
    if (thought.answer === null && !thought.plan.some(({ status }) => status === "open")) {
      throw new Error("The plan has no open step, and there is no answer either");
    }
    return thought;
  }

  override post(shared: Shared, _mind: Mind, thought: Thought, { emit }: Context) {
    shared.thoughts.push(thought);
    shared.plan = thought.plan;
    shared.objection = undefined;
    emit(thought);
    if (thought.answer !== null) {
      shared.answer = thought.answer;
      return "conclude";
    }
    return shared.thoughts.length < shared.most ? "think on" : "out of thoughts";
  }
}

/** Does the moves. An answer that does not hold goes back, with what is wrong with it. */
export class Check extends Node<Shared, Pick<Shared, "answer" | "puzzle">, string | undefined> {
  constructor() {
    super({ requires: ["answer"] });
  }

  override prep({ answer, puzzle }: Shared): Pick<Shared, "answer" | "puzzle"> {
    return { answer: answer ?? [], puzzle };
  }

  override exec({ answer = [], puzzle }: Pick<Shared, "answer" | "puzzle">): string | undefined {
    return objectionTo(answer, puzzle);
  }

  override post(shared: Shared, _: unknown, objection: string | undefined) {
    if (objection === undefined) return "right";
    shared.objection = objection;
    delete shared.answer;
    return shared.thoughts.length < shared.most ? "wrong" : "out of thoughts";
  }
}
