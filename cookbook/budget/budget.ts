// A budget in money for a run: reserved before each call, charged after it, in millionths of a dollar.
import { createHash } from "node:crypto";
import { AsyncParallelBatchNode, type Context, Flow, type ItemFailure, isFailure } from "sluice";
import { DeniedError, type Model } from "../lib/model.js";

export interface Shared {
  readonly questions: readonly string[];
  /** By question. A budget can end a run before its last item, so each answer is kept as it arrives. */
  readonly answers: Record<string, { readonly text?: string; readonly error?: string }>;
}

/** Dollars per million tokens, which equals millionths of a dollar per token. */
export interface Price {
  readonly input: number;
  readonly output: number;
}

const PROMPT = "Answer in at most 50 words of plain text.";
/** Reserved for an answer: 50 words and a margin. */
const MOST_OUTPUT = 150;

/**
 * What `cost()` reserves and `charge()` settles are "tokens" to sluice. Here they are millionths of a dollar, so this node
 * has no gate: a gate would take them for tokens of the vendor's limit.
 */
class Ask extends AsyncParallelBatchNode<Shared, string, string, "collect"> {
  readonly #model: Model;
  readonly #price: Price;

  constructor(model: Model, price: Price) {
    const { gate: _, ...retries } = { ...model.calls };
    super({ ...retries, concurrency: 8, onError: "collect" });
    this.#model = model;
    this.#price = price;
  }

  override prep({ questions, answers }: Shared) {
    return questions.filter((question) => answers[question] === undefined);
  }

  override cost(question: string): number {
    return Math.ceil(inputOf(question) * this.#price.input + MOST_OUTPUT * this.#price.output);
  }

  /** The gate is here, since the vendor's limit counts tokens. A refused call is repeated and costs nothing. */
  override exec(question: string, ctx: Context): Promise<string> {
    const { signal, lastError } = ctx;
    const call = (gate: Pick<Context, "signal" | "charge">) =>
      this.#model.chat(`${PROMPT}\n\n${question}`, {
        signal: gate.signal,
        lastError,
        charge: (tokens, output = 0) => {
          gate.charge(tokens);
          ctx.charge((tokens - output) * this.#price.input + output * this.#price.output);
        },
      });
    return this.#model.calls.gate.run(call, { signal, tokens: inputOf(question) + MOST_OUTPUT });
  }

  override onResult({ answers }: Shared, result: string | ItemFailure<string>, question: string): void {
    if (isFailure(result) && result.error instanceof DeniedError) throw result.error;
    answers[question] = isFailure(result) ? { error: (result.error as Error).message } : { text: result };
  }
}

/** An upper estimate of the tokens of a prompt: three bytes per token. */
const inputOf = (question: string) => Math.ceil(Buffer.byteLength(PROMPT + question) / 3 + 20);

export const createBudgetFlow = (model: Model, price: Price): Flow<Shared> =>
  new Flow(new Ask(model, price), { name: "Budget" });

/** One run per list of questions: with a journal, the next start can continue it with a larger budget. */
export const runIdOf = (questions: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(questions)).digest("hex").slice(0, 12);
