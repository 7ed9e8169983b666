// The one call to the model, as a stream of pieces of text.
import type OpenAI from "openai";
import type { Message } from "./nodes.js";

const INSTRUCTIONS = "You are a helpful assistant in a chat room. Answer in plain text, and briefly.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** An abort ends the loop without an error: that is how this SDK has it, and sluice checks the signal itself. */
  async *stream(messages: readonly Message[], signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const chunks = await this.#client.chat.completions.create(
      {
        model: this.#model,
        stream: true,
        messages: [{ role: "system", content: INSTRUCTIONS }, ...messages],
      },
      { signal },
    );
    for await (const { choices } of chunks) {
      const text = choices[0]?.delta.content;
      if (text) yield text;
    }
  }
}
