// The calls to the model: one prompt for each player.
import OpenAI from "openai";
import { InputError } from "./input-error.js";
import type { Notes } from "./nodes.js";
import type { Card } from "./rules.js";

const HINTER =
  "You play a word game. Give one hint, a short sentence, so that your partner guesses the word. Never say the " +
  "word or a taboo word, nor a word that contains one. Say something that your earlier hints did not.";
const GUESSER =
  "You play a word game. Guess the one word that all hints are about, and that you have not guessed before. " +
  "Answer with that word alone.";

const list = (title: string, lines: readonly string[]) =>
  `${title}:\n${lines.map((each) => `- ${each}\n`).join("")}`;

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  hint({ word, taboo }: Card, { hints, guesses }: Notes, signal: AbortSignal): Promise<string> {
    const card = `Word: ${word}\n${list("Taboo", taboo)}`;
    return this.#ask(HINTER, card + list("Hints", hints) + list("Wrong guesses", guesses), signal);
  }

  guess({ hints, guesses }: Notes, signal: AbortSignal): Promise<string> {
    return this.#ask(GUESSER, list("Hints", hints) + list("Wrong guesses", guesses), signal);
  }

  async #ask(system: string, user: string, signal: AbortSignal): Promise<string> {
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        max_completion_tokens: 60,
        messages: [
          { role: "system", content: system },
          { role: "user", content: user },
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
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url},\nwhich knows the words of emojilib and what they have to do with.`;
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
