// The calls to the models: vectors of many texts at once, and an answer from passages.
import OpenAI from "openai";
import { InputError } from "./input-error.js";
import type { Passage } from "./vector-index.js";

const INSTRUCTIONS =
  "Answer the question from the numbered passages, which are given as JSON, and from nothing else. Put the number " +
  "of the passage behind each statement, such as [2]. If the passages do not answer the question, say so.";

/** The numbers in each vector: fewer than the model has by itself, for a smaller index. */
const DIMENSIONS = 512;

/** Models of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;
  /** The model that makes the vectors. */
  readonly embedder: string;

  constructor(client: OpenAI, model: string, embedder: string) {
    this.#client = client;
    this.#model = model;
    this.embedder = embedder;
  }

  /** Gives one vector for each text, in the order of the texts. */
  async embed(
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<{ vectors: Float32Array[]; tokens: number }> {
    const { data, usage } = await this.#client.embeddings.create(
      { model: this.embedder, input: [...texts], dimensions: DIMENSIONS },
      { signal },
    );
    if (data.length !== texts.length) throw new Error(`Expected ${texts.length} vectors, got ${data.length}`);
    const vectors = data
      .sort((a, b) => a.index - b.index)
      .map(({ embedding }) => Float32Array.from(embedding));
    return { vectors, tokens: usage.total_tokens };
  }

  async answer(question: string, passages: readonly Passage[], signal: AbortSignal): Promise<string> {
    const numbered = passages.map(({ source, text }, at) => ({ number: at + 1, source, text }));
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        messages: [
          { role: "system", content: INSTRUCTIONS },
          { role: "user", content: JSON.stringify({ question, passages: numbered }) },
        ],
      },
      { signal },
    );
    const text = choices[0]?.message.content?.trim();
    if (!text) throw new Error("Expected an answer, got nothing");
    return text;
  }
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
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}.\nIts vectors count words, and its answers are sentences of the passages.`;
    return { llm: new Llm(client, "stand-in", "stand-in"), close, about };
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
