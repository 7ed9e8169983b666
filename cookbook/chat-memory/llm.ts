// The calls to the model: answers, and the meanings of texts as vectors.
import OpenAI from "openai";
import { InputError } from "./input-error.js";
import type { Exchange } from "./memory.js";

const INSTRUCTIONS = `You talk with one person over a long time. Answer briefly.
Where you do not know something about the person, say so, and do not guess.`;

/** What the model is given to answer. */
export interface Prompt {
  readonly question: string;
  /** The newest exchanges. */
  readonly window: readonly Exchange[];
  /** Older exchanges that have to do with the question. */
  readonly recalled: readonly Exchange[];
}

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  /** What vectors come from: those of two models cannot be compared. */
  readonly embedder: string;
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string, embedder: string) {
    this.#client = client;
    this.#model = model;
    this.embedder = embedder;
  }

  async answer({ question, window, recalled }: Prompt, signal: AbortSignal): Promise<string> {
    const earlier = recalled.map((exchange) => `Person: ${exchange.question}\nYou: ${exchange.answer}`);
    const system =
      recalled.length > 0 ? `${INSTRUCTIONS}\n\nFrom earlier:\n\n${earlier.join("\n\n")}` : INSTRUCTIONS;
    const said = window.flatMap((exchange): OpenAI.ChatCompletionMessageParam[] => [
      { role: "user", content: exchange.question },
      { role: "assistant", content: exchange.answer },
    ]);
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        max_completion_tokens: 300,
        messages: [{ role: "system", content: system }, ...said, { role: "user", content: question }],
      },
      { signal },
    );
    const answer = choices[0]?.message.content?.trim();
    if (!answer) throw new Error(`The model answered nothing (finish_reason: ${choices[0]?.finish_reason})`);
    return answer;
  }

  async embed(text: string, signal: AbortSignal): Promise<readonly number[]> {
    const { data } = await this.#client.embeddings.create(
      { model: this.embedder, input: text, encoding_format: "float" },
      { signal },
    );
    const vector = data[0]?.embedding;
    if (!vector?.length) throw new Error("The model gave no vector");
    return vector;
  }
}

/** Tells an error that may not come again: the network, or a service in trouble. */
export function isWorthARetry(error: unknown): boolean {
  const status = error instanceof OpenAI.APIError ? error.status : undefined;
  return status === undefined || status === 408 || status === 409 || status >= 500;
}

/** Who answers, how it is called, and what ends it. */
export interface Service {
  readonly llm: Llm;
  readonly about: string;
  readonly close: () => Promise<void>;
}

/**
 * Connects to the service that the environment names, or starts a stand-in where there is no key.
 *
 * @throws InputError
 */
export async function connect(env: NodeJS.ProcessEnv): Promise<Service> {
  const apiKey = env.OPENAI_API_KEY?.trim();
  if (!apiKey) {
    const { startStandIn } = await import("./stand-in.js");
    const { url, close } = await startStandIn();
    const client = new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 });
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}, which answers questions with what you told it,
as far as it stands in its prompt.`;
    return { llm: new Llm(client, "stand-in", "stand-in-words"), close, about };
  }
  const baseURL = env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  const model = env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
  const embedder = env.OPENAI_EMBEDDING_MODEL?.trim() || "text-embedding-3-small";
  const llm = new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 0 }), model, embedder);
  return { llm, close: async () => {}, about: `Using ${model} and ${embedder} at ${baseURL}.` };
}
