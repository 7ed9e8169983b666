// The calls to the model, one for each task, and who answers them.
import OpenAI from "openai";
import { InputError } from "./input-error.js";

/** What the model is told, by task. */
export const TASKS = {
  outline:
    "Name the sections of a short article that can be written from these notes, three to five. Answer with one heading a line, and nothing else.",
  section:
    "Write one section of an article, in at most 100 words, without its heading. Use only what the notes say, and leave to the other sections what is theirs.",
  style:
    "Rewrite this article in plain words and short sentences. Keep its facts, and keep its headings as they are, each on a line that begins with ##.",
} as const;

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  /** The node retries, so the client itself must not: create it with `maxRetries: 0`. */
  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** Has the model name the sections of an article. */
  async outline(notes: string, signal: AbortSignal): Promise<string[]> {
    const answer = await this.#ask(TASKS.outline, notes, signal);
    const headings = answer.split("\n").map((line) => line.replace(/^[\s#*\d.-]+/, "").trim());
    return [...new Set(headings.filter(Boolean))].slice(0, 6);
  }

  /** Has the model write one section. */
  section(heading: string, headings: readonly string[], notes: string, signal: AbortSignal): Promise<string> {
    const prompt = `Sections: ${headings.join(" | ")}\nWrite: ${heading}\nNotes:\n${notes}`;
    return this.#ask(TASKS.section, prompt, signal);
  }

  /** Has the model rewrite a whole article in one style. */
  style(article: string, signal: AbortSignal): Promise<string> {
    return this.#ask(TASKS.style, article, signal);
  }

  async #ask(task: string, text: string, signal: AbortSignal): Promise<string> {
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        messages: [
          { role: "system", content: task },
          { role: "user", content: text },
        ],
      },
      { signal },
    );
    const answer = choices[0]?.message.content?.trim();
    if (!answer) throw new Error(`The model answered nothing (finish_reason: ${choices[0]?.finish_reason})`);
    return answer;
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
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}, which sorts\nthe sentences of the notes and replaces pompous words.`;
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
