// The calls to the model: one text at a time for who asks, many in one request for the service.
import type OpenAI from "openai";
import type { Gate } from "sluice";
import { batched } from "sluice/batching";

/** How many numbers each embedding has. */
const DIMENSIONS = 64;

/** A model that embeds texts. */
export interface Embedder {
  /** Embeds one text. Calls that are in flight together share requests. */
  readonly embed: (text: string, call?: { readonly signal?: AbortSignal }) => Promise<number[]>;
  /** How many texts each request carried. */
  readonly requests: readonly number[];
}

/** What an embedder works with. */
export interface EmbedderOptions {
  readonly client: OpenAI;
  readonly model: string;
  /** The vendor's limits, in requests: a text does not pass here. */
  readonly gate: Gate;
  /** The most texts in a request; OpenAI takes 2,048. */
  readonly maxSize: number;
}

/** Creates an embedder. */
export function createEmbedder({ client, model, gate, maxSize }: EmbedderOptions): Embedder {
  const requests: number[] = [];
  const embed = batched(
    async (texts: readonly string[], { signal, charge }) => {
      requests.push(texts.length);
      const { data, usage } = await client.embeddings.create(
        { model, input: [...texts], dimensions: DIMENSIONS, encoding_format: "float" },
        { signal },
      );
      charge(usage.total_tokens);
      return data.sort((a, b) => a.index - b.index).map(({ embedding }) => embedding);
    },
    { name: "embed", maxSize, maxWait: 200, gate, cost: (text) => Math.ceil(text.length / 3) },
  );
  return { embed, requests };
}
