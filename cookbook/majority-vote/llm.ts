// The one call to the model, and who answers it.
import OpenAI from "openai";
import { InputError } from "./input-error.js";

const INSTRUCTIONS =
  'Think step by step, and briefly. End with a line that begins with "Answer:" and has nothing else but the shortest form of the answer.';

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  /** The node retries, so the client itself must not: create it with `maxRetries: 0`. */
  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** Asks once, and gives the last line of the reasoning. Without `temperature: 0` answers differ, which is the point. */
  async vote(question: string, signal: AbortSignal): Promise<string> {
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        messages: [
          { role: "system", content: INSTRUCTIONS },
          { role: "user", content: question },
        ],
      },
      { signal },
    );
    const text = choices[0]?.message.content ?? "";
    const answer = [...text.matchAll(/^\W*answer:[\s*_]*(\S.*)$/gim)].at(-1)?.[1];
    if (answer !== undefined) return normalised(answer);
    throw new Error(`Expected a last line "Answer: …", got "${text.slice(-80)}"`);
  }
}

/** Makes answers that mean the same the same text: "**1,200.**" is "1200", and "Yes." is "yes". */
export function normalised(answer: string): string {
  const bare = answer
    .toLowerCase()
    .replaceAll(/[*_`"“”]/g, "")
    .replace(/[.!]+$/, "")
    .replaceAll(/\s+/g, " ")
    .trim();
  const number = bare.replaceAll(/(?<=\d),(?=\d{3}\b)/g, "");
  return /^-?\d+(\.\d+)?$/.test(number) ? String(Number(number)) : bare;
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
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}, which calculates\nand counts letters, and slips in two of five answers.`;
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
