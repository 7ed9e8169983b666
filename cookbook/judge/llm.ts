// The calls to the model: one that writes, and one whose answer must fit the rubric's schema.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { InputError } from "./input-error.js";
import type { Task } from "./nodes.js";
import { MOST_WORDS, type Review, review } from "./rubric.js";

const WRITER =
  `You write introductions of software packages in one paragraph of at most ${MOST_WORDS} words, from the facts ` +
  "given and nothing else. If there is a draft, answer with a better one that follows the advice.";
const JUDGE =
  "You mark an introduction of a software package, 0 to 10: facts (each fact is told, and nothing else is claimed), " +
  `plain (no praise, no slogan), brief (at most ${MOST_WORDS} words). 10 means nothing could be better. Give ` +
  "advice for each mark under 10.";

const list = (title: string, lines: readonly string[]) =>
  `${title}:\n${lines.map((each) => `- ${each}\n`).join("")}\n`;

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  async write({ facts, best }: Task, signal: AbortSignal): Promise<string> {
    const draft = best === undefined ? "" : `${list("Advice", best.review.advice)}Draft:\n${best.text}`;
    const messages = messagesOf(WRITER, list("Facts", facts) + draft);
    const { choices } = await this.#client.chat.completions.create(
      { model: this.#model, messages },
      { signal },
    );
    const text = choices[0]?.message.content?.trim();
    if (!text) throw new Error(`The model wrote nothing (finish_reason: ${choices[0]?.finish_reason})`);
    return text;
  }

  /** @throws An error if the answer does not fit the schema, which the node's `attempts` are for. */
  async judge(facts: readonly string[], text: string, signal: AbortSignal): Promise<Review> {
    const { choices } = await this.#client.chat.completions.parse(
      {
        model: this.#model,
        messages: messagesOf(JUDGE, `${list("Facts", facts)}Text:\n${text}`),
        response_format: zodResponseFormat(review, "review"),
      },
      { signal },
    );
    const marks = choices[0]?.message.parsed;
    if (!marks) throw new Error(`The model gave no marks (finish_reason: ${choices[0]?.finish_reason})`);
    return marks;
  }
}

const messagesOf = (system: string, user: string) => [
  { role: "system" as const, content: system },
  { role: "user" as const, content: user },
];

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
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url},\nwhich begins with too much praise and does as it is advised; as a judge it counts words.`;
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
