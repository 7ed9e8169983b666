// The two steps: have the model extract an order, and check what it answered.
import { type Context, Node } from "sluice";
import type { Llm, Refusal } from "./llm.js";
import { checkOrder, type Order } from "./schema.js";

/** The store of one mail. */
export interface Shared {
  readonly mail: string;
  /** The answer to be checked next. */
  answer?: string;
  /** The answers that did not pass. */
  readonly refused: Refusal[];
  order?: Order;
}

type Question = Pick<Shared, "mail" | "refused">;

/** Asks the model, and tells it what was wrong with its answers so far. */
export class Extract extends Node<Shared, Question, string> {
  readonly #llm: Llm;

  /** The attempts repeat a call that failed, as it was. A bad answer is no failed call: see {@link Check}. */
  constructor(llm: Llm) {
    super({ attempts: 3, backoff: 500, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ mail, refused }: Shared): Question {
    return { mail, refused: [...refused] };
  }

  override exec({ mail, refused }: Question, { signal }: Context): Promise<string> {
    return this.#llm.extract(mail, refused, signal);
  }

  override post(shared: Shared, _question: Question, answer: string): void {
    shared.answer = answer;
  }
}

/** Holds an answer to the schema, and sends it back as long as that may help. */
export class Check extends Node<Shared, string, ReturnType<typeof checkOrder>> {
  readonly #answers: number;

  constructor(answers: number) {
    super({ requires: ["answer"] });
    this.#answers = answers;
  }

  override prep({ answer = "" }: Shared): string {
    return answer;
  }

  override exec(answer: string): ReturnType<typeof checkOrder> {
    return checkOrder(answer);
  }

  override post(
    shared: Shared,
    answer: string,
    checked: ReturnType<typeof checkOrder>,
  ): "accepted" | "refused" | "given up" {
    if ("order" in checked) {
      shared.order = checked.order;
      return "accepted";
    }
    shared.refused.push({ answer, problems: checked.problems });
    return shared.refused.length < this.#answers ? "refused" : "given up";
  }
}
