// The one call to the model, and who answers it.
import OpenAI from "openai";
import { InputError } from "./input-error.js";
import type { Message } from "./nodes.js";

const INSTRUCTIONS = "You talk with a user in a terminal. Answer in plain text, and briefly.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  /** The node retries, so the client itself must not: create it with `maxRetries: 0`. */
  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  async answer(messages: readonly Message[], signal: AbortSignal): Promise<string> {
    const { choices } = await this.#client.chat.completions.create(
      { model: this.#model, messages: [{ role: "system", content: INSTRUCTIONS }, ...messages] },
      { signal },
    );
    const text = choices[0]?.message.content?.trim();
    if (!text) throw new Error(`The model answered nothing (finish_reason: ${choices[0]?.finish_reason})`);
    return text;
  }
}

/** Who answers, how it is called, and what ends it. */
export interface Service {
  readonly llm: Llm;
  /** What to tell the user about it. */
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
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 }), "stand-in");
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}, which remembers\nwhat you say about yourself, and can calculate.`;
    return { llm, about, close };
  }
  const baseURL = env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  const model = env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
  const llm = new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 0 }), model);
  return { llm, about: `Using ${model} at ${baseURL}.`, close: async () => {} };
}
