// A second vendor, or a cheaper model, for the calls that the first one fails.
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

/** A model by the name that the answers carry. */
export interface Named {
  readonly name: string;
  readonly model: Model;
}

class Ask extends AsyncParallelBatchNode<Shared, string, Answer, "collect"> {
  readonly #first: Named;
  readonly #second: Named;

  constructor(first: Named, second: Named) {
    // Two attempts at the first vendor; a third would only make people wait for the second.
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

  /** The second vendor has limits of its own: its gate, not that of the first. What it fails is the failure. */
  override async execFallback(question: string, error: unknown, ctx: Context): Promise<Answer> {
    // A question that the first vendor refuses is not taken to another one.
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

/** How many calls each answered, for a line of a log. */
export const tally = ({ answers = [] }: Shared): string => {
  const names = answers.map((answer) => (isFailure(answer) ? "nobody" : answer.by));
  return [...new Set(names)]
    .map((name) => `${name} ${names.filter((each) => each === name).length}`)
    .join(", ");
};
