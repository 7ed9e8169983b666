// The calls to the model: a verdict on what was found, another query, an answer.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { InputError } from "./input-error.js";
import type { Passage } from "./library.js";

/** What every call is told, as JSON. */
export interface Known {
  readonly question: string;
  /** The queries so far, the last one last. */
  readonly queries: readonly string[];
  /** All that they found. */
  readonly passages: readonly Passage[];
  /** What the last verdict missed. */
  readonly missing?: string;
}

const verdict = z.object({
  sufficient: z.boolean().describe("Whether the passages alone answer the question."),
  missing: z.string().describe("What they lack, in a few words; empty if they suffice."),
});
export type Verdict = z.infer<typeof verdict>;
const rewritten = z.object({ query: z.string().min(1).describe("A few keywords.") });
const answer = z.object({
  answer: z.string().min(1),
  sources: z.array(z.string()).min(1).describe("The `source` of each passage that the answer rests on."),
});
export type Answered = z.infer<typeof answer>;

const JUDGE =
  "Judge whether the passages answer the question. Be strict: passages that only share words with it do not.";
const REWRITE =
  "The queries so far did not find what is missing. Write another one for the same full-text index, in the words " +
  "that the authors of the passages would use: synonyms, the technical term, fewer words. Repeat none.";
const ANSWER =
  "Answer the question in a sentence or two from the passages and from nothing else, and name their sources.";

/** A model of a service that speaks OpenAI's protocol. Each call fails if what comes back is not what was asked for. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  judge(known: Known, signal: AbortSignal): Promise<Verdict> {
    return this.#ask("verdict", verdict, JUDGE, known, signal);
  }

  async rewrite(known: Known, signal: AbortSignal): Promise<string> {
    const { query } = await this.#ask("query", rewritten, REWRITE, known, signal);
    if (known.queries.includes(query)) throw new Error(`Expected another query, got "${query}" again`);
    return query;
  }

  async answer(known: Known, signal: AbortSignal): Promise<Answered> {
    const answered = await this.#ask("answer", answer, ANSWER, known, signal);
    const invented = answered.sources.filter((source) =>
      known.passages.every((each) => each.source !== source),
    );
    if (invented.length > 0) throw new Error(`Expected sources that were found, got ${invented.join(", ")}`);
    return answered;
  }

  async #ask<T>(
    name: string,
    shape: z.ZodType<T>,
    instructions: string,
    known: Known,
    signal: AbortSignal,
  ): Promise<T> {
    const { choices } = await this.#client.chat.completions.parse(
      {
        model: this.#model,
        messages: [
          { role: "system", content: instructions },
          { role: "user", content: JSON.stringify(known) },
        ],
        response_format: zodResponseFormat(shape, name),
      },
      { signal },
    );
    const given = choices[0]?.message.parsed;
    if (given === null || given === undefined) throw new Error(`Expected ${name}, got a refusal`);
    return given;
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
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 }), "stand-in");
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}.\nIt judges by the words that passages share with the query, and knows a few synonyms.`;
    return { llm, close, about };
  }
  const baseURL = env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  const model = env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
  const llm = new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 0 }), model);
  return { llm, close: async () => {}, about: `Using ${model} at ${baseURL}.` };
}
