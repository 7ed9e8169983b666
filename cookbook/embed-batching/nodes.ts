// The three steps: collect paragraphs, embed each, find those that say the same.
import { readFile } from "node:fs/promises";
import { AsyncParallelBatchNode, type Context, Node } from "sluice";
import { glob } from "tinyglobby";
import type { Embedder } from "./llm.js";

/** A paragraph, and where it stands. */
export interface Paragraph {
  readonly file: string;
  readonly text: string;
}

/** What the nodes share. */
export interface Shared {
  readonly folder: string;
  /** The most paragraphs. */
  readonly limit: number;
  paragraphs: Paragraph[];
  embeddings: number[][];
  /** Paragraphs that say the same, the most frequent first. */
  twins: Paragraph[][];
}

/** Collects paragraphs of the READMEs under a folder. */
export class Collect extends Node<Shared, Shared, Paragraph[]> {
  override prep(shared: Shared): Shared {
    return shared;
  }

  override async exec({ folder, limit }: Shared): Promise<Paragraph[]> {
    const found: Paragraph[] = [];
    const files = await glob("node_modules/*/README.md", { cwd: folder, absolute: true });
    for (const file of files.sort()) {
      const texts = (await readFile(file, "utf8")).split(/\n\s*\n/).map((text) => text.trim());
      for (const text of texts) if (/^\w.{20,}/.test(text)) found.push({ file, text: text.slice(0, 1_000) });
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }

  override post(shared: Shared, _input: Shared, paragraphs: Paragraph[]): void {
    shared.paragraphs = paragraphs;
  }
}

/** Embeds each paragraph by a call of its own; that they travel together is the embedder's affair. */
export class EmbedAll extends AsyncParallelBatchNode<Shared, Paragraph, number[]> {
  readonly #embedder: Embedder;

  constructor(embedder: Embedder, concurrency: number) {
    super({ concurrency, attempts: 2, backoff: 500 });
    this.#embedder = embedder;
  }

  override prep({ paragraphs }: Shared): Paragraph[] {
    return paragraphs;
  }

  override exec({ text }: Paragraph, { signal }: Context): Promise<number[]> {
    return this.#embedder.embed(text, { signal });
  }

  override post(shared: Shared, _paragraphs: Paragraph[], embeddings: number[][]): void {
    shared.embeddings = embeddings;
  }
}

/** Puts paragraphs together whose embeddings point the same way. */
export class FindTwins extends Node<Shared, Shared, Paragraph[][]> {
  override prep(shared: Shared): Shared {
    return shared;
  }

  override exec({ paragraphs, embeddings }: Shared): Paragraph[][] {
    const groups: { readonly direction: number[]; readonly members: Paragraph[] }[] = [];
    for (const [at, embedding] of embeddings.entries()) {
      const paragraph = paragraphs[at];
      if (paragraph === undefined) continue;
      const length = Math.hypot(...embedding);
      const direction = embedding.map((value) => value / length);
      const near = groups.find((group) => dot(group.direction, direction) > 0.97);
      if (near === undefined) groups.push({ direction, members: [paragraph] });
      else near.members.push(paragraph);
    }
    const twins = groups.map(({ members }) => members).filter((members) => members.length > 1);
    return twins.sort((a, b) => b.length - a.length);
  }

  override post(shared: Shared, _input: Shared, twins: Paragraph[][]): void {
    shared.twins = twins;
  }
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
