// Finds paragraphs with the same meaning by their embeddings. Single calls of a node become few bulk requests.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { AsyncParallelBatchNode, type Context, Flow, node } from "sluice";
import { batched } from "sluice/batching";
import { convertPathToPattern, glob } from "tinyglobby";
import { UsageError } from "../lib/main.js";
import type { Model } from "../lib/model.js";

export interface Paragraph {
  readonly file: string;
  readonly text: string;
}

export interface Shared {
  readonly paragraphs: readonly Paragraph[];
  vectors?: readonly number[][];
  /** Groups of paragraphs with the same meaning, the largest first. */
  twins?: Paragraph[][];
}

/** The least cosine of two paragraphs with the same meaning. Lower it until wrong pairs appear. */
const SAME = 0.97;

/** Embeds each paragraph by its own call. */
class Embed extends AsyncParallelBatchNode<Shared, Paragraph, number[]> {
  readonly #embed: (text: string, ctx: Context) => Promise<number[]>;

  /** @param size - The largest number of paragraphs in a request. */
  constructor(model: Model, size: number) {
    const { gate, ...retries } = { ...model.calls }; // the gate counts requests, so it belongs to the batch, not to the node
    super({ ...retries, concurrency: 4 * size }); // calls that are in flight together share requests
    this.#embed = batched((texts: readonly string[], call) => model.embed(texts, call), {
      name: "embed",
      maxSize: size,
      cost: (text) => Math.ceil(text.length / 3),
      gate,
    });
  }

  override prep({ paragraphs }: Shared) {
    return paragraphs;
  }

  override exec({ text }: Paragraph, ctx: Context): Promise<number[]> {
    return this.#embed(text, ctx);
  }

  override post(shared: Shared, _paragraphs: unknown, vectors: number[][]): void {
    shared.vectors = vectors;
  }
}

export function createTwinsFlow(model: Model, size = 100): Flow<Shared> {
  const embed = new Embed(model, size);
  const findTwins = node({
    name: "FindTwins",
    post: (shared: Shared) => {
      const groups: { readonly vector: number[]; readonly members: Paragraph[] }[] = [];
      for (const [at, paragraph] of shared.paragraphs.entries()) {
        const vector = shared.vectors?.[at] ?? [];
        const same = groups.find((group) => cosine(group.vector, vector) > SAME);
        if (same === undefined) groups.push({ vector, members: [paragraph] });
        else same.members.push(paragraph);
      }
      const twins = groups.map(({ members }) => members).filter((members) => members.length > 1);
      shared.twins = twins.sort((a, b) => b.length - a.length);
    },
  });
  embed.next(findTwins);
  return new Flow(embed, { name: "Twins" });
}

/** Vectors of embeddings have the length 1. */
const cosine = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);

const installed = dirname(dirname(createRequire(import.meta.url).resolve("tinyglobby/package.json")));

/** Reads the paragraphs of the files that match; by default of the READMEs of the installed packages. */
export async function readParagraphs(words: readonly string[], limit: number): Promise<Paragraph[]> {
  const globs = words.length > 0 ? words : [`${convertPathToPattern(installed)}/*/README.md`];
  const paragraphs = (await glob([...globs])).sort().flatMap((file) => {
    const texts = readFileSync(file, "utf8").split(/\n\s*\n/);
    return texts
      .filter((text) => /^\w.{20}/.test(text))
      .map((text) => ({ file, text: text.slice(0, 1_000) }));
  });
  if (paragraphs.length > 0) return paragraphs.slice(0, limit);
  throw new UsageError(`Expected globs that match texts, got ${globs.join(" ")}.`);
}
