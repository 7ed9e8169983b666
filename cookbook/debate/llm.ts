// The calls to the model: a speech and a judgement, both checked against a schema.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import type { Case } from "./case.js";
import { InputError } from "./input-error.js";
import type { Floor, Side } from "./nodes.js";

const speech = z.object({ fact: z.int(), text: z.string().min(1) });
const scores = z.object({
  for: z.number().min(0).max(10),
  against: z.number().min(0).max(10),
  reason: z.string().min(1),
});

/** An argument, and the number of the fact on which it rests. */
export type Speech = z.infer<typeof speech>;
/** What a judge thinks: points from 0 to 10 for each side. */
export type Scores = z.infer<typeof scores>;

const SPEAKER =
  "You take part in a debate. Argue for your side in at most two sentences, from one fact that you have not used " +
  "yet, and answer what the other side said last. Name the number of your fact. Claim nothing else.";
const JUDGE =
  "You judge a debate. Give each side 0 to 10 points for how well its facts support it and for how well it answers " +
  "the other. What you think of the motion does not count. Say in one sentence why.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  speak({ side, case: topic, own, other }: Floor, signal: AbortSignal): Promise<Speech> {
    const prompt = `${caseText(topic)}\nYour side: ${side}\n${said("You", own)}${said("Other", other)}`;
    return this.#ask(SPEAKER, prompt, "speech", speech, signal);
  }

  judge(
    topic: Case,
    speeches: Readonly<Record<Side, readonly Speech[]>>,
    signal: AbortSignal,
  ): Promise<Scores> {
    const prompt = `${caseText(topic)}\n${said("For", speeches.for)}${said("Against", speeches.against)}`;
    return this.#ask(JUDGE, prompt, "scores", scores, signal);
  }

  /** @throws An error if the answer does not fit the schema, which the node's `attempts` are for. */
  async #ask<T>(
    system: string,
    user: string,
    name: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { choices } = await this.#client.chat.completions.parse(
      {
        model: this.#model,
        messages: [
          { role: "system", content: system },
          { role: "user", content: user },
        ],
        response_format: zodResponseFormat(schema, name),
      },
      { signal },
    );
    const answer = choices[0]?.message.parsed;
    if (!answer) throw new Error(`The model answered nothing (finish_reason: ${choices[0]?.finish_reason})`);
    return answer;
  }
}

const caseText = ({ motion, facts }: Case) =>
  `Motion: ${motion}\nFacts:\n${facts.map((fact, at) => `${at + 1}. ${fact}\n`).join("")}`;

const said = (who: string, speeches: readonly Speech[]) =>
  speeches.map(({ fact, text }) => `${who} (fact ${fact}): ${text}\n`).join("");

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
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url},\nwhich weighs facts by words such as “saved” and “delays”, and by their figures.`;
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
