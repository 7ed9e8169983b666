// The call to the model, who answers it, and which of its errors are worth a retry.
import OpenAI from "openai";
import { InputError } from "./input-error.js";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** Translates a part of a Markdown document. */
  async translate(text: string, language: string, signal: AbortSignal): Promise<string> {
    const instructions =
      `Translate the Markdown that follows into ${language}. Keep its headings, lists, tables, code and link ` +
      "addresses exactly as they are. Answer with the translation alone.";
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        messages: [
          { role: "system", content: instructions },
          { role: "user", content: text },
        ],
      },
      { signal },
    );
    const [choice] = choices;
    const translation = choice?.message.content?.trim();
    // Half a translation would look like a whole one in the file.
    if (!translation || choice?.finish_reason === "length") {
      throw new Error(`The model gave no whole translation (finish_reason: ${choice?.finish_reason})`);
    }
    return translation;
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
  /** Whether nobody pays for the calls. */
  readonly free: boolean;
  readonly close: () => Promise<void>;
}

/** Connects to the service that the environment names, or starts a stand-in where there is no key. @throws InputError */
export async function connect(env: NodeJS.ProcessEnv): Promise<Service> {
  const apiKey = env.OPENAI_API_KEY?.trim();
  if (!apiKey) {
    const { languages, startStandIn } = await import("./stand-in.js");
    const { url, close } = await startStandIn();
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 }), "stand-in");
    const about =
      `No OPENAI_API_KEY: using a local stand-in at ${url}. It is no translator:\n` +
      `it replaces some very common words, in ${languages.join(", ")}.`;
    return { llm, about, free: true, close };
  }
  const baseURL = env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  const model = env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
  const llm = new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 0 }), model);
  return { llm, about: `Using ${model} at ${baseURL}.`, free: false, close: async () => {} };
}
