// The five steps. Each is a node: it reads and writes the shared store, and what it calls is handed to it.
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
import type { Answer, Journal } from "./journal.js";
import { estimateTokens, type Llm, MOST_BYTES, messageOf, remedy } from "./llm.js";
import { type Outcome, writeOutput } from "./output.js";

/** What the nodes share, one for each run. */
export interface Shared {
  readonly globs: readonly string[];
  readonly limit: number;
  readonly cwd: string;
  /** The path of the file to write, which is no document. */
  readonly output: string;
  /** How many files matched, the limit aside. */
  matched: number;
  files: string[];
  documents: Document[];
  /** What came of each file so far. */
  outcomes: Map<string, Outcome>;
  counts: Counts;
  /** The time on the monotonic clock when the first call could start. */
  sendingSince: number;
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
export function createShared(input: Pick<Shared, "globs" | "limit" | "cwd" | "output">): Shared {
  const counts = { kept: 0, skipped: 0, summarised: 0, failed: 0, tokens: 0, callTime: 0 };
  return { ...input, matched: 0, files: [], documents: [], outcomes: new Map(), counts, sendingSince: 0 };
}

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

/** Reads all of them before the first call is paid for: an unreadable one stops the run here. */
export class ReadDocuments extends AsyncParallelBatchNode<Shared, { file: string; cwd: string }, Document> {
  override prep({ files, cwd }: Shared) {
    return files.map((file) => ({ file, cwd }));
  }

  override exec({ file, cwd }: { file: string; cwd: string }): Promise<Document> {
    return readDocument(file, cwd, MOST_BYTES);
  }

  override post(shared: Shared, _files: unknown, documents: Document[]): void {
    shared.documents = documents;
  }
}

/** Is told how a run goes, after each step of it that a user would want to see. */
export type Watcher = (shared: Shared) => void;

/** Takes from the journal what earlier runs have paid for, and picks the action: is anything missing? */
export class Recall extends Node<Shared> {
  readonly #journal: Journal;
  readonly #onPlan: Watcher;

  constructor(journal: Journal, onPlan: Watcher) {
    super();
    this.#journal = journal;
    this.#onPlan = onPlan;
  }

  override post(shared: Shared): "missing" | "complete" {
    for (const document of shared.documents) {
      const { file } = document;
      const unfit = unfitReason(document);
      const answer = this.#journal.get(document);
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

/** A summary, and how long the call for it took. */
interface TimedAnswer extends Answer {
  readonly callTime: number;
}

/** What {@link Summarise} works with. */
export interface SummariseTools {
  readonly llm: Llm;
  readonly journal: Journal;
  readonly onProgress: Watcher;
}

/** Summarises what is missing, in parallel. */
export class Summarise extends AsyncParallelBatchNode<Shared, Document, TimedAnswer, "collect"> {
  readonly #tools: SummariseTools;

  constructor(tools: SummariseTools, options: ParallelBatchNodeOptions<Shared, "collect">) {
    super({ ...options, onError: "collect" });
    this.#tools = tools;
  }

  override prep(shared: Shared): Document[] {
    shared.sendingSince = performance.now();
    return shared.documents.filter(({ file }) => !shared.outcomes.has(file));
  }

  override cost({ text }: Document): number {
    return estimateTokens(text);
  }

  override async exec({ text }: Document, { signal, charge, attempt }: Context): Promise<TimedAnswer> {
    const startedAt = performance.now();
    const { summary, tokens } = await this.#tools.llm.summarise(text, signal);
    charge(tokens);
    return { summary, tokens, attempts: attempt + 1, callTime: performance.now() - startedAt };
  }

  /** Called for each as it finishes, one at a time: from here on no crash can lose the answer. */
  override onResult(shared: Shared, result: TimedAnswer | ItemFailure<Document>, document: Document): void {
    const { file } = document;
    const { counts, outcomes } = shared;
    if (isFailure(result)) {
      const todo = remedy(result.error, counts.summarised > 0);
      if (todo) throw new InputError(`${messageOf(result.error)} ${todo}`);
      counts.failed++;
      outcomes.set(file, { file, error: messageOf(result.error) });
    } else {
      const { callTime, ...answer } = result;
      this.#tools.journal.add(document, answer);
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
