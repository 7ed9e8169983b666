// The calls to the models: one prompt for each manner.
import type OpenAI from "openai";

const PROMPTS = {
  condense: "Name the points of this e-mail, at most eight words, separated by commas.",
  formal: "Propose a formal subject line for this e-mail, at most 60 characters. Answer with the line alone.",
  friendly:
    "Propose a friendly subject line for this e-mail, at most 60 characters. Answer with the line alone.",
};

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  async ask(manner: keyof typeof PROMPTS, text: string, signal: AbortSignal): Promise<string> {
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        max_completion_tokens: 100,
        messages: [
          { role: "system", content: PROMPTS[manner] },
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
