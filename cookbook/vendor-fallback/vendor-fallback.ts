// A second vendor, or a cheaper model, for calls that fail at the first one.
import { AsyncParallelBatchNode, type Context, Flow, type ItemFailure, isFailure } from "sluice";
import { AnswerError, type Model } from "../lib/model.js";

export interface Answer {
  readonly text: string;
  readonly by: string;
}

export interface Shared {
  readonly questions: readonly string[];
  answers?: readonly (Answer | ItemFailure<string>)[];
}

/** A model, and its name in the answers. */
export interface Named {
  readonly name: string;
  readonly model: Model;
}

class Ask extends AsyncParallelBatchNode<Shared, string, Answer, "collect"> {
  readonly #first: Named;
  readonly #second: Named;

  constructor(first: Named, second: Named) {
    // Two attempts at the first vendor; a third would delay the second vendor.
    super({ ...first.model.calls, attempts: 2, onError: "collect" });
    this.#first = first;
    this.#second = second;
  }

  override prep({ questions }: Shared) {
    return questions;
  }

  override async exec(question: string, ctx: Context): Promise<Answer> {
    return { text: await this.#first.model.chat(question, ctx), by: this.#first.name };
  }

  /** The second vendor has its own gate. Its error is the failure of the call. */
  override async execFallback(question: string, error: unknown, ctx: Context): Promise<Answer> {
    // A question that the first vendor refuses has no fallback.
    if (error instanceof AnswerError && error.message.startsWith("The model refuses")) throw error;
    const { name, model } = this.#second;
    const text = await model.calls.gate.run(
      ({ signal, charge }) => model.chat(question, { signal, charge }),
      { signal: ctx.signal },
    );
    void ctx.emit(`${this.#first.name} failed (${(error as Error).message}): ${name} answers`);
    return { text, by: name };
  }

  override post(shared: Shared, _questions: unknown, answers: NonNullable<Shared["answers"]>): void {
    shared.answers = answers;
  }
}

export const createFallbackFlow = (first: Named, second: Named): Flow<Shared> =>
  new Flow(new Ask(first, second), { name: "Fallback" });

/** The number of answers by vendor, for a log line. */
export const tally = ({ answers = [] }: Shared): string => {
  const names = answers.map((answer) => (isFailure(answer) ? "none" : answer.by));
  return [...new Set(names)]
    .map((name) => `${name} ${names.filter((each) => each === name).length}`)
    .join(", ");
};
