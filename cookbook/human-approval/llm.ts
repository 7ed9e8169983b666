// The one call to the model, and who answers it.
import OpenAI from "openai";
import { InputError } from "./input-error.js";

/** A draft that was rejected, and why. */
export interface Rejected {
  readonly text: string;
  readonly feedback: string;
}

const INSTRUCTIONS =
  "You write announcements for a small business, in plain text of two to four sentences. When a draft is rejected, " +
  "write it anew, as the feedback says. Answer with the announcement alone.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** Writes an announcement, in view of all earlier drafts of it. */
  async draft(topic: string, rejected: readonly Rejected[], signal: AbortSignal): Promise<string> {
    const history = rejected.flatMap(({ text, feedback }) => [
      { role: "assistant" as const, content: text },
      { role: "user" as const, content: feedback },
    ]);
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        messages: [{ role: "system", content: INSTRUCTIONS }, { role: "user", content: topic }, ...history],
      },
      { signal },
    );
    const text = choices[0]?.message.content?.trim();
    if (!text) throw new Error(`The model wrote nothing (finish_reason: ${choices[0]?.finish_reason})`);
    return text;
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
      "It fills in a form letter, and knows the feedback “shorter”, “formal” and “mention …”.";
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
