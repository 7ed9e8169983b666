// The one call to the model, as a stream of pieces of text, and who answers it.
import OpenAI from "openai";
import { InputError } from "./input-error.js";

/** One message of the conversation. */
export interface Message {
  readonly role: "user" | "assistant" | "system";
  readonly content: string;
}

const INSTRUCTIONS =
  "You talk with a person at a terminal. Answer in plain text. The person may stop you in the middle; what you had " +
  "said by then is what the person has read. Asked to go on, continue from its last letter and repeat nothing.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** An abort ends the loop, at times with an error and at times without: ask the signal which it was. */
  async *stream(messages: readonly Message[], signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const chunks = await this.#client.chat.completions.create(
      {
        model: this.#model,
        stream: true,
        messages: [{ role: "system", content: INSTRUCTIONS }, ...messages],
      },
      { signal },
    );
    for await (const { choices } of chunks) {
      const text = choices[0]?.delta.content;
      if (text) yield text;
    }
  }
}

/** Who answers, how it is called, and what ends it. */
export interface Service {
  readonly llm: Llm;
  readonly about: string;
  readonly close: () => Promise<void>;
}

/** Connects to the service that the environment names, or starts a stand-in where there is no key. @throws InputError */
export async function connect(env: NodeJS.ProcessEnv): Promise<Service> {
  const apiKey = env.OPENAI_API_KEY?.trim();
  if (!apiKey) {
    const { startStandIn } = await import("./stand-in.js");
    const { url, close } = await startStandIn();
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 }), "stand-in");
    const about =
      `No OPENAI_API_KEY: using a local stand-in at ${url}.\n` +
      "It takes your words apart, at length, and can go on where it was stopped.";
    return { llm, about, close };
  }
  const baseURL = env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  const model = env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
  const llm = new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 2 }), model);
  return { llm, about: `Using ${model} at ${baseURL}.`, close: async () => {} };
}
