// The calls to the model: two as the worker, one as its supervisor.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { InputError } from "./input-error.js";

/** What the worker knows. */
export interface Desk {
  readonly letter: string;
  /** The records that were looked up. */
  readonly read: Readonly<Record<string, string>>;
  /** The names of the others. */
  readonly unread: readonly string[];
  /** The reply that was sent back, and why. */
  readonly draft?: string | undefined;
  readonly objections: readonly string[];
}

/** What the supervisor compares: it sees all records, also those that the worker forgot. */
export interface Review {
  readonly letter: string;
  readonly records: Readonly<Record<string, string>>;
  readonly draft: string;
}

const plan = z.object({
  action: z.enum(["look up", "write"]),
  record: z.string().describe("The name of the record to look up; empty for writing."),
});
export type Plan = z.infer<typeof plan>;
const reply = z.object({ reply: z.string().min(1) });
const verdict = z.object({
  objections: z.array(z.string()).describe("What has to be changed, and by which record; empty if nothing."),
});

const PLAN =
  "You answer letters to a shop. Decide whether to look up one of the unread records or to write the reply, which " +
  "may say nothing that is not in a record that you have read. If a reply was sent back, mind the objections.";
const WRITE =
  "Write the reply to the letter, in at most 120 words of plain text. Answer each of its questions from the records " +
  "read and from nothing else. If a reply was sent back, mend what the objections say.";
const SUPERVISE =
  "Check the reply that a new colleague drafted, before it is sent. Object if a question of the letter is not " +
  "answered, if something is not as the records say, or if the tone is wrong; name the record that helps.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  plan(desk: Desk, signal: AbortSignal): Promise<Plan> {
    return this.#ask("plan", plan, PLAN, desk, signal);
  }

  async write(desk: Desk, signal: AbortSignal): Promise<string> {
    return (await this.#ask("reply", reply, WRITE, desk, signal)).reply;
  }

  /** Gives the supervisor's objections; none is an approval. */
  async supervise(review: Review, signal: AbortSignal): Promise<string[]> {
    return (await this.#ask("verdict", verdict, SUPERVISE, review, signal)).objections;
  }

  async #ask<T>(
    name: string,
    shape: z.ZodType<T>,
    task: string,
    about: unknown,
    signal: AbortSignal,
  ): Promise<T> {
    const { choices } = await this.#client.chat.completions.parse(
      {
        model: this.#model,
        messages: [
          { role: "system", content: task },
          { role: "user", content: JSON.stringify(about) },
        ],
        response_format: zodResponseFormat(shape, name),
      },
      { signal },
    );
    const given = choices[0]?.message.parsed;
    if (given === null || given === undefined) throw new Error(`Expected a ${name}, got a refusal`);
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
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}.\nAs a worker it is hasty and guesses; as a supervisor it compares words.`;
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
