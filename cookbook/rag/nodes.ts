// The steps of both flows: load, chunk and embed documents; embed a question, retrieve, answer.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AsyncParallelBatchNode, type Context, type Gate, type ItemFailure, isFailure, Node } from "sluice";
import { glob } from "tinyglobby";
import { chunk } from "./chunk.js";
import type { Llm } from "./llm.js";
import { type Hit, type Passage, VectorIndex } from "./vector-index.js";

/** The store of a run that indexes. */
export interface IndexShared {
  readonly folder: string;
  readonly patterns: readonly string[];
  /** The index so far: a text that it has is not embedded again. */
  readonly before: VectorIndex;
  documents?: Document[];
  passages?: Passage[];
  index?: VectorIndex;
  /** Files that could not be read, and why. */
  readonly unread: string[];
  /** What the run cost. */
  readonly spent: { texts: number; requests: number; tokens: number };
}

interface Document {
  readonly file: string;
  readonly text: string;
}

interface Source {
  readonly file: string;
  readonly path: string;
}

/** Creates the store of a run that indexes. */
export const createIndexShared = (
  folder: string,
  patterns: readonly string[],
  before = new VectorIndex([], []),
): IndexShared => ({ folder, patterns, before, unread: [], spent: { texts: 0, requests: 0, tokens: 0 } });

/** Reads the documents; one that cannot be read costs only itself. */
export class Load extends AsyncParallelBatchNode<IndexShared, Source, Document, "collect"> {
  constructor() {
    super({ onError: "collect" });
  }

  override async prep({ folder, patterns }: IndexShared, { signal }: Context): Promise<Source[]> {
    const options = { cwd: folder, caseSensitiveMatch: false, followSymbolicLinks: false, signal };
    const files = await glob(patterns, options);
    return files.sort().map((file) => ({ file, path: join(folder, file) }));
  }

  override async exec({ file, path }: Source, { signal }: Context): Promise<Document> {
    return { file, text: await readFile(path, { encoding: "utf8", signal }) };
  }

  override post(shared: IndexShared, _files: unknown, read: (Document | ItemFailure<Source>)[]): void {
    const documents: Document[] = [];
    for (const each of read) {
      if (!isFailure(each)) documents.push(each);
      else shared.unread.push(`${each.item.file}: ${(each.error as Error).message}`);
    }
    shared.documents = documents;
  }
}

/** Cuts documents into passages. */
export class Chunk extends Node<IndexShared, readonly Document[], Passage[]> {
  constructor() {
    super({ requires: ["documents"] });
  }

  override prep({ documents = [] }: IndexShared): readonly Document[] {
    return documents;
  }

  override exec(documents: readonly Document[]): Passage[] {
    return documents.flatMap(({ file, text }) => chunk(file, text));
  }

  override post(shared: IndexShared, _documents: unknown, passages: Passage[]): void {
    shared.passages = passages;
  }
}

/** What is embedded of a passage: where it stands says much about it. */
const textOf = ({ source, text }: Passage) => `${source}\n${text}`;

/** Vectors of one request, each with its text, and what they cost. */
interface Embedded {
  readonly vectors: readonly (readonly [text: string, vector: Float32Array])[];
  readonly tokens: number;
}

/** How many texts travel in a request; OpenAI takes 2,048 or 300,000 tokens. */
const GROUP = 64;

/** Embeds what the index does not have yet: many texts a request, several requests at once. */
export class Embed extends AsyncParallelBatchNode<IndexShared, string[], Embedded> {
  readonly #llm: Llm;

  constructor(llm: Llm, gate: Gate, backoff: number) {
    super({ requires: ["passages"], gate, concurrency: 4, attempts: 3, backoff, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ passages = [], before }: IndexShared): string[][] {
    const known = new Set(Array.from(before, ([passage]) => textOf(passage)));
    const fresh = [...new Set(passages.map(textOf))].filter((text) => !known.has(text));
    return Array.from({ length: Math.ceil(fresh.length / GROUP) }, (_, at) =>
      fresh.slice(at * GROUP, (at + 1) * GROUP),
    );
  }

  override cost(texts: string[]): number {
    return texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  }

  /** What is retried is this one request: the others keep what they have got. */
  override async exec(texts: string[], { signal, charge }: Context): Promise<Embedded> {
    const { vectors, tokens } = await this.#llm.embed(texts, signal);
    charge(tokens);
    return { vectors: vectors.map((vector, at) => [texts[at] ?? "", vector]), tokens };
  }

  override post(shared: IndexShared, groups: string[][], results: Embedded[]): void {
    const { passages = [], before, spent } = shared;
    const vectors = new Map(Array.from(before, ([passage, vector]) => [textOf(passage), vector] as const));
    for (const { vectors: made, tokens } of results) {
      spent.tokens += tokens;
      for (const [text, vector] of made) vectors.set(text, vector);
    }
    spent.requests = groups.length;
    spent.texts = groups.flat().length;
    shared.index = new VectorIndex(
      passages,
      passages.map((passage) => vectors.get(textOf(passage)) ?? new Float32Array()),
    );
  }
}

/** The store of a run that answers. */
export interface AskShared {
  readonly question: string;
  readonly index: VectorIndex;
  vector?: Float32Array;
  hits?: Hit[];
  answer?: string;
}

/** Embeds the question by the same model as the passages. */
export class EmbedQuestion extends Node<AskShared, string, Float32Array> {
  readonly #llm: Llm;

  constructor(llm: Llm, gate: Gate, backoff: number) {
    super({ gate, attempts: 3, backoff, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ question }: AskShared): string {
    return question;
  }

  override async exec(question: string, { signal }: Context): Promise<Float32Array> {
    const { vectors } = await this.#llm.embed([question], signal);
    return vectors[0] ?? new Float32Array();
  }

  override post(shared: AskShared, _question: string, vector: Float32Array): void {
    shared.vector = vector;
  }
}

/** What is looked up, and where. */
interface Lookup {
  readonly index: VectorIndex;
  readonly vector: Float32Array;
}

/** Finds the passages nearest to the question, if any are near. */
export class Retrieve extends Node<AskShared, Lookup, Hit[]> {
  readonly #count: number;
  readonly #least: number;

  constructor(count: number, least: number) {
    super({ requires: ["vector"] });
    this.#count = count;
    this.#least = least;
  }

  override prep({ index, vector = new Float32Array() }: AskShared): Lookup {
    return { index, vector };
  }

  override exec({ index, vector }: Lookup): Hit[] {
    return index.search(vector, this.#count).filter(({ score }) => score >= this.#least);
  }

  override post(shared: AskShared, _lookup: Lookup, hits: Hit[]): "found" | "nothing found" {
    shared.hits = hits;
    return hits.length > 0 ? "found" : "nothing found";
  }
}

/** What the model is given. */
interface Material {
  readonly question: string;
  readonly hits: readonly Hit[];
}

/** Has the model answer from the passages. */
export class Answer extends Node<AskShared, Material, string> {
  readonly #llm: Llm;

  constructor(llm: Llm, backoff: number) {
    super({ requires: ["hits"], attempts: 3, backoff, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ question, hits = [] }: AskShared): Material {
    return { question, hits };
  }

  override exec({ question, hits }: Material, { signal }: Context): Promise<string> {
    return this.#llm.answer(question, hits, signal);
  }

  override post(shared: AskShared, _material: Material, answer: string): void {
    shared.answer = answer;
  }
}
