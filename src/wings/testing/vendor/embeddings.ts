// Embeddings: texts that share words have vectors near each other.
import { hashNumber } from "sluice/internal";
import type { Fault } from "./faults.js";
import { countTokens, inputsOf, type VendorRequest } from "./request.js";

/**
 * Counts words, each at the index and with the sign of its hash (feature hashing). The vector's length is 1, or 0 for a
 * text without words.
 */
export function embedWords(text: string, dimensions: number): number[] {
  const vector = new Array<number>(dimensions).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    const hash = hashNumber(word);
    const at = hash % dimensions;
    vector[at] = (vector[at] ?? 0) + (Math.floor(hash / dimensions) % 2 === 0 ? 1 : -1);
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

const base64 = (vector: readonly number[]) => Buffer.from(new Float32Array(vector).buffer).toString("base64");

/** The answer to a request for embeddings. */
export function embeddingsOf(
  request: VendorRequest,
  embed: (text: string, dimensions: number) => readonly number[],
  fault: Fault | undefined,
): { readonly tokens: number; readonly body: object } {
  const { body, model } = request;
  const dimensions = typeof body.dimensions === "number" ? body.dimensions : 256;
  const inputs = inputsOf(body);
  const data = inputs.map((text, index) => {
    const vector = embed(text, dimensions);
    return {
      object: "embedding",
      index,
      embedding: body.encoding_format === "base64" ? base64(vector) : vector,
    };
  });
  const tokens = countTokens(inputs.join(""));
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return {
    tokens,
    body: {
      object: "list",
      data: fault === "no-choices" ? [] : data,
      model,
      ...(fault !== "no-usage" && { usage }),
    },
  };
}
