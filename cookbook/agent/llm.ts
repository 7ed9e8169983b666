// The two calls to the model: what to do next, and the answer.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { InputError } from "./input-error.js";
import type { Passage } from "./library.js";

/** What the model wants to do next. */
export const decision = z.object({
  thought: z.string().describe("One sentence: what is known, and what is missing."),
  action: z.enum(["search", "answer"]),
  query: z.string().describe("A few keywords to search for; empty for an answer."),
});
export type Decision = z.infer<typeof decision>;

/** One search, and what it found. */
export interface Finding {
  readonly query: string;
  readonly passages: readonly Passage[];
}

/** All that a call is told. */
export interface Known {
  readonly question: string;
  readonly findings: readonly Finding[];
}

const DECIDE =
  "You research a question in a library of documentation. You are given the question, and every search made so " +
  "far with what it found, as JSON. Search again, with other keywords than before, while a part of the question is " +
  "open; answer once it can be answered, or once further searches are hopeless.";
const ANSWER =
  "Answer the question from the passages found, which are given as JSON, and from nothing else. Name the source " +
  "of each statement in square brackets. If the passages do not answer it, say so.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** @throws Error if what comes back is no decision: worth another attempt. */
  async decide(known: Known, signal: AbortSignal): Promise<Decision> {
    const { choices } = await this.#client.chat.completions.parse(
      {
        model: this.#model,
        messages: messagesOf(DECIDE, known),
        response_format: zodResponseFormat(decision, "decision"),
      },
      { signal },
    );
    const made = choices[0]?.message.parsed;
    if (!made) throw new Error("Expected a decision, got a refusal");
    if (made.action === "search" && made.query.trim() === "") throw new Error("Expected a query, got none");
    return made;
  }

  async answer(known: Known, signal: AbortSignal): Promise<string> {
    const { choices } = await this.#client.chat.completions.create(
      { model: this.#model, messages: messagesOf(ANSWER, known) },
      { signal },
    );
    const text = choices[0]?.message.content?.trim();
    if (!text) throw new Error("Expected an answer, got nothing");
    return text;
  }
}

const messagesOf = (instructions: string, known: Known) => [
  { role: "system" as const, content: instructions },
  { role: "user" as const, content: JSON.stringify(known) },
];

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
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}.\nIt searches for one part of the question after the other, and answers with sentences that it found.`;
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
