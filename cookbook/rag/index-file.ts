// Keeps an index in a file, so that a text which was embedded once is not paid for again.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { InputError } from "./input-error.js";
import { type Passage, VectorIndex } from "./vector-index.js";

interface Stored {
  /** Vectors of different models say nothing of each other. */
  readonly model: string;
  readonly passages: readonly (Passage & { readonly vector: string })[];
}

/**
 * Reads an index; one that does not exist, or that another model made, is empty.
 *
 * @throws InputError if the file is something else.
 */
export function readIndex(path: string, model: string): VectorIndex {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new VectorIndex([], []);
    throw new InputError(
      `Expected --index to be a file that can be read and written, got "${path}": ${(error as Error).message}.`,
    );
  }
  const stored = parse(text);
  if (stored === undefined) {
    throw new InputError(
      `Expected --index to be an index of this recipe, got another file at "${path}". Move it away.`,
    );
  }
  const passages = stored.model === model ? stored.passages : [];
  return new VectorIndex(
    passages.map(({ source, text }) => ({ source, text })),
    passages.map(({ vector }) => new Float32Array(new Uint8Array(Buffer.from(vector, "base64")).buffer)),
  );
}

/** Writes an index, whole or not at all. */
export function writeIndex(path: string, model: string, index: VectorIndex): void {
  const passages = Array.from(index, ([passage, { buffer, byteOffset, byteLength }]) => ({
    ...passage,
    vector: Buffer.from(buffer, byteOffset, byteLength).toString("base64"),
  }));
  writeFileSync(`${path}.new`, JSON.stringify({ model, passages } satisfies Stored));
  renameSync(`${path}.new`, path);
}

function parse(text: string): Stored | undefined {
  try {
    const value = JSON.parse(text) as Stored;
    return typeof value.model === "string" && Array.isArray(value.passages) ? value : undefined;
  } catch {
    return undefined;
  }
}
