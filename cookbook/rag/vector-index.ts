// The index: passages, the vector of each, and which of them point where a question points.

/** A piece of a document, small enough to be embedded and to be shown to a model among others. */
export interface Passage {
  /** File and heading: what an answer cites. */
  readonly source: string;
  readonly text: string;
}

/** A passage that was found, and how like the question it is, up to 1. */
export interface Hit extends Passage {
  readonly score: number;
}

/** Passages by meaning. A few ten thousand of them are searched in milliseconds; for more, use a database. */
export class VectorIndex {
  readonly #passages: readonly Passage[];
  readonly #vectors: readonly Float32Array[];

  /** @param vectors One for each passage, of any length. */
  constructor(passages: readonly Passage[], vectors: readonly Float32Array[]) {
    this.#passages = passages;
    this.#vectors = vectors;
  }

  /** How many passages it has. */
  get size(): number {
    return this.#passages.length;
  }

  /** Each passage with its vector. */
  *[Symbol.iterator](): Generator<[Passage, Float32Array], void, undefined> {
    for (const [at, passage] of this.#passages.entries())
      yield [passage, this.#vectors[at] ?? new Float32Array()];
  }

  /** Gives the passages most like a vector, the best first. */
  search(vector: Float32Array, count: number): Hit[] {
    const hits = Array.from(this, ([passage, other]) => ({ ...passage, score: cosine(vector, other) }));
    return hits.sort((a, b) => b.score - a.score).slice(0, count);
  }
}

/** The cosine of the angle between two vectors: 1 where they point the same way, 0 where they share nothing. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, lengthA, lengthB] = [0, 0, 0];
  for (let at = 0; at < a.length; at++) {
    const [x, y] = [a[at] ?? 0, b[at] ?? 0];
    dot += x * y;
    lengthA += x * x;
    lengthB += y * y;
  }
  return dot === 0 ? 0 : dot / Math.sqrt(lengthA * lengthB);
}
