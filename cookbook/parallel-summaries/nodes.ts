// The five steps. Each is a node: it reads and writes the shared store, and what it calls is handed to it.
import { createHash } from "node:crypto";
import {
  AsyncParallelBatchNode,
  type Context,
  type ItemFailure,
  isFailure,
  Node,
  type ParallelBatchNodeOptions,
} from "sluice";
import { type Document, findFiles, readDocument, unfitReason } from "./documents.js";
import { InputError } from "./input-error.js";
import { estimateTokens, type Llm, MOST_BYTES, messageOf, remedy } from "./llm.js";
import { type Outcome, writeOutput } from "./output.js";

/** A summary and what it took to get it. */
export interface Answer {
  readonly summary: string;
  readonly tokens: number;
  readonly attempts: number;
}

/** What the user asks for. */
export interface Input {
  readonly globs: readonly string[];
  readonly limit: number;
  readonly cwd: string;
  /** The path of the file to write, which is no document. */
  readonly output: string;
  /** What an answer depends on besides the document. */
  readonly llm: string;
}

/** What the nodes share, one for each run. Plain data, for the journal keeps it. */
export interface Shared extends Input {
  /** What was paid for, now and before, by the key of its document. */
  answers: Map<string, Answer>;
  /** How many files matched, the limit aside. */
  matched: number;
  files: string[];
  documents: Listed[];
  /** What came of each file so far. */
  outcomes: Map<string, Outcome>;
  counts: Counts;
}

/** A document without its text: the journal keeps the store, and the text is in its file. */
export interface Listed {
  readonly file: string;
  readonly truncated: boolean;
  /** Why there is nothing to summarise. */
  readonly unfit: string | undefined;
  /** What a call for it may cost. */
  readonly tokens: number;
  /** Names the answer: that to a changed document is another. */
  readonly key: string;
}

/** How the documents of a run fared. */
export interface Counts {
  /** Summarised by an earlier run. */
  kept: number;
  /** Without anything to summarise. */
  skipped: number;
  /** Summarised now. */
  summarised: number;
  failed: number;
  /** Tokens that this run was charged. */
  tokens: number;
  /** Milliseconds in calls, one added to the other. */
  callTime: number;
}

/** Creates the store of a run. */
export function createShared(input: Input, answers: Map<string, Answer>): Shared {
  const counts = { kept: 0, skipped: 0, summarised: 0, failed: 0, tokens: 0, callTime: 0 };
  return { ...input, answers, matched: 0, files: [], documents: [], outcomes: new Map(), counts };
}

const keyOf = (llm: string, { file, text }: Document): string =>
  createHash("sha256")
    .update(JSON.stringify([llm, file, text]))
    .digest("hex");

/** What came of each document, in order, also when the run was stopped midway. */
export function outcomesOf({ documents, outcomes }: Shared): Outcome[] {
  return documents.map(({ file }) => outcomes.get(file) ?? { file, error: "Not done: the run was stopped" });
}

/** Where to look for documents. */
type Search = Pick<Shared, "globs" | "cwd" | "output">;

/** Finds the files: the first `limit` in alphabetical order. */
export class ListFiles extends Node<Shared, Search, string[]> {
  override prep({ globs, cwd, output }: Shared): Search {
    return { globs, cwd, output };
  }

  override async exec({ globs, cwd, output }: Search): Promise<string[]> {
    const files = await findFiles(globs, cwd, output);
    if (files.length > 0) return files;
    throw new InputError(
      `Expected a glob that matches documents, got "${globs.join('" "')}" in ${cwd}, which matches none. Quote a glob that is for this program: "docs/**/*.md".`,
    );
  }

  override post(shared: Shared, _search: Search, files: string[]): void {
    shared.matched = files.length;
    shared.files = files.slice(0, shared.limit);
  }
}

/** A file, and who will be asked about it. */
interface ToRead {
  readonly file: string;
  readonly cwd: string;
  readonly llm: string;
}

/** Reads all of them before the first call is paid for: an unreadable one stops the run here. */
export class ReadDocuments extends AsyncParallelBatchNode<Shared, ToRead, Listed> {
  override prep({ files, cwd, llm }: Shared): ToRead[] {
    return files.map((file) => ({ file, cwd, llm }));
  }

  override async exec({ file, cwd, llm }: ToRead): Promise<Listed> {
    const document = await readDocument(file, cwd, MOST_BYTES);
    const { text, truncated } = document;
    const key = keyOf(llm, document);
    return { file, truncated, unfit: unfitReason(document), tokens: estimateTokens(text), key };
  }

  override post(shared: Shared, _files: unknown, documents: Listed[]): void {
    shared.documents = documents;
  }
}

/** Is told how a run goes, after each step of it that a user would want to see. */
export type Watcher = (shared: Shared) => void;

/** Takes what earlier runs have paid for, and picks the action: is anything missing? */
export class Recall extends Node<Shared> {
  readonly #onPlan: Watcher;

  constructor(onPlan: Watcher) {
    super();
    this.#onPlan = onPlan;
  }

  override post(shared: Shared): "missing" | "complete" {
    for (const { file, unfit, key } of shared.documents) {
      const answer = shared.answers.get(key);
      if (unfit !== undefined) {
        shared.outcomes.set(file, { file, error: `Skipped: ${unfit}` });
        shared.counts.skipped++;
      } else if (answer !== undefined) {
        shared.outcomes.set(file, { file, ...answer });
        shared.counts.kept++;
      }
    }
    this.#onPlan(shared);
    return shared.outcomes.size < shared.documents.length ? "missing" : "complete";
  }
}

/** A summary, what it answers, and how long the call for it took. */
interface TimedAnswer extends Answer {
  readonly key: string;
  readonly callTime: number;
}

/** What is to be summarised. */
interface Missing extends ToRead {
  readonly tokens: number;
}

/** What {@link Summarise} works with. */
export interface SummariseTools {
  readonly llm: Llm;
  readonly onProgress: Watcher;
}

/** Summarises what is missing, in parallel. */
export class Summarise extends AsyncParallelBatchNode<Shared, Missing, TimedAnswer, "collect"> {
  readonly #tools: SummariseTools;

  constructor(tools: SummariseTools, options: ParallelBatchNodeOptions<Shared, "collect">) {
    super({ ...options, onError: "collect" });
    this.#tools = tools;
  }

  override prep({ documents, outcomes, cwd, llm }: Shared): Missing[] {
    const missing = documents.filter(({ file }) => !outcomes.has(file));
    return missing.map(({ file, tokens }) => ({ file, tokens, cwd, llm }));
  }

  override cost({ tokens }: Missing): number {
    return tokens;
  }

  override async exec({ file, cwd, llm }: Missing, ctx: Context): Promise<TimedAnswer> {
    const document = await readDocument(file, cwd, MOST_BYTES);
    const startedAt = performance.now();
    const { summary, tokens } = await this.#tools.llm.summarise(document.text, ctx.signal);
    ctx.charge(tokens);
    const callTime = performance.now() - startedAt;
    return { summary, tokens, attempts: ctx.attempt + 1, key: keyOf(llm, document), callTime };
  }

  /** Called for each as it finishes, one at a time. The journal has the answer already. */
  override onResult(shared: Shared, result: TimedAnswer | ItemFailure<Missing>, { file }: Missing): void {
    const { counts, outcomes } = shared;
    if (isFailure(result)) {
      const todo = remedy(result.error, counts.summarised > 0);
      if (todo) throw new InputError(`${messageOf(result.error)} ${todo}`);
      counts.failed++;
      outcomes.set(file, { file, error: messageOf(result.error) });
    } else {
      const { callTime, key, ...answer } = result;
      shared.answers.set(key, answer);
      counts.summarised++;
      counts.tokens += answer.tokens;
      counts.callTime += callTime;
      outcomes.set(file, { file, ...answer });
    }
    this.#tools.onProgress(shared);
  }
}

/** What goes into which file. */
interface Writing {
  readonly path: string;
  readonly outcomes: readonly Outcome[];
}

/** Writes the outcomes in the order of the documents. */
export class WriteSummaries extends Node<Shared, Writing> {
  override prep(shared: Shared): Writing {
    return { path: shared.output, outcomes: outcomesOf(shared) };
  }

  override exec({ path, outcomes }: Writing): void {
    writeOutput(path, outcomes);
  }
}
