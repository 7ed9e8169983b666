// The call to the model, what it will cost, and who answers it.
import OpenAI from "openai";
import { InputError } from "./input-error.js";

/** What an account allows, each a minute. */
export interface Limits {
  readonly requests: number;
  readonly tokens: number;
}

/** A question that is put to many texts. */
export interface Question {
  readonly name: string;
  readonly instructions: string;
  /** The most tokens of one answer. */
  readonly answerTokens: number;
}

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  /** The gate waits and goes again after a 429, so the client itself must not: create it with `maxRetries: 0`. */
  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  async ask(
    question: Question,
    text: string,
    signal: AbortSignal,
  ): Promise<{ answer: string; tokens: number }> {
    const { choices, usage } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        max_completion_tokens: question.answerTokens,
        messages: [
          { role: "system", content: question.instructions },
          { role: "user", content: text },
        ],
      },
      { signal },
    );
    const answer = choices[0]?.message.content?.trim();
    if (!answer) throw new Error(`The model answered nothing (finish_reason: ${choices[0]?.finish_reason})`);
    return { answer, tokens: usage?.total_tokens ?? estimateTokens(question, text) };
  }
}

/** Guesses on the high side, since a gate must know before the call; `charge()` gives back what was not used. */
export function estimateTokens({ instructions, answerTokens }: Question, text: string): number {
  return Math.ceil(Buffer.byteLength(instructions + text) / 3) + answerTokens;
}

/** Tells the one error that says nothing about the call itself. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof OpenAI.APIError && error.status === 429;

/** Tells an error that may not come again: the network, or a service in trouble. A 429 is the gate's affair. */
export function isWorthARetry(error: unknown): boolean {
  const status = error instanceof OpenAI.APIError ? error.status : undefined;
  return status === undefined || status === 408 || status === 409 || status >= 500;
}

/** Who answers, how much of it, how it is called, and what ends it. */
export interface Service {
  readonly llm: Llm;
  readonly limits: Limits;
  readonly about: string;
  readonly close: () => Promise<void>;
}

/**
 * Connects to the service that the environment names, or starts a stand-in where there is no key.
 *
 * @param own Limits that the user has named, in place of the usual ones.
 * @param calls How many calls there will be: a stand-in has its storm in the middle of them.
 * @throws InputError
 */
export async function connect(env: NodeJS.ProcessEnv, own: Partial<Limits>, calls: number): Promise<Service> {
  const apiKey = env.OPENAI_API_KEY?.trim();
  if (!apiKey) {
    const { startStandIn } = await import("./stand-in.js");
    const limits = { requests: 1_800, tokens: 180_000, ...own };
    const storm = { after: Math.floor(calls / 2), lasts: 1_200, retryAfter: 1 };
    const { url, close } = await startStandIn(limits, storm);
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 }), "stand-in");
    const about =
      `No OPENAI_API_KEY: using a local stand-in at ${url}. It answers with words of the text,\n` +
      `refuses more than its limits, and after ${storm.after} calls everybody for ${storm.lasts / 1_000} s.`;
    return { llm, limits, about, close };
  }
  const baseURL = env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  const model = env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
  const llm = new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 0 }), model);
  const limits = { requests: 500, tokens: 200_000, ...own };
  return { llm, limits, about: `Using ${model} at ${baseURL}.`, close: async () => {} };
}
