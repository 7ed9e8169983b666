// The three steps: read the résumés, map each to its facts, reduce the facts to a ranking.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AsyncParallelBatchNode, type Context, type ItemFailure, isFailure, Node } from "sluice";
import { type Facts, factsOf, type Job, type Ranked, rank } from "./facts.js";
import { InputError } from "./input-error.js";
import type { Llm } from "./llm.js";

/** A résumé, and where it is. */
export interface Resume {
  readonly file: string;
  readonly text: string;
}

/** The store. */
export interface Shared {
  readonly folder: string;
  readonly job: Job;
  resumes?: readonly Resume[];
  facts?: readonly { readonly file: string; readonly facts: Facts }[];
  /** Résumés that could not be read, and why. */
  failures?: readonly { readonly file: string; readonly reason: string }[];
  ranking?: readonly Ranked[];
}

/** Reads all résumés of the folder before the first call is paid for. */
export class ReadResumes extends Node<Shared, string, Resume[]> {
  override prep({ folder }: Shared): string {
    return folder;
  }

  override async exec(folder: string, { signal }: Context): Promise<Resume[]> {
    const names = await readdir(folder).catch((error) => {
      throw new InputError(
        `Expected a folder of résumés, got "${folder}": ${error.message}. Correct the path.`,
      );
    });
    const files = names.filter((name) => name.endsWith(".txt")).sort();
    if (files.length === 0) {
      throw new InputError(`Expected résumés in "${folder}", got none. Put a text file into it for each.`);
    }
    const read = (file: string) => readFile(join(folder, file), { encoding: "utf8", signal });
    return Promise.all(files.map(async (file) => ({ file, text: await read(file) })));
  }

  override post(shared: Shared, _folder: string, resumes: Resume[]): void {
    shared.resumes = resumes;
  }
}

/** What is asked about a résumé. */
interface Question extends Resume {
  readonly job: Job;
}

/** Maps: has the model read each résumé, many side by side and each for itself. */
export class FindFacts extends AsyncParallelBatchNode<Shared, Question, Facts, "collect"> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({
      requires: ["resumes"],
      concurrency: 8,
      attempts: 3, // of each résumé: for a call that fails, and for an answer that makes no sense
      backoff: 300,
      timeout: 60_000,
      onError: "collect",
    });
    this.#llm = llm;
  }

  override prep({ resumes = [], job }: Shared): Question[] {
    return resumes.map((resume) => ({ ...resume, job }));
  }

  override async exec({ text, job }: Question, { signal }: Context): Promise<Facts> {
    return factsOf(await this.#llm.findFacts(text, job.skills, signal), text, job);
  }

  /** Is given the results in the order of the résumés, with a failure in the place of each that failed. */
  override post(shared: Shared, questions: Question[], results: (Facts | ItemFailure)[]): void {
    const outcomes = questions.map(({ file }, at) => ({ file, result: results[at] }));
    shared.facts = outcomes.flatMap(({ file, result }) =>
      result === undefined || isFailure(result) ? [] : [{ file, facts: result }],
    );
    shared.failures = outcomes.flatMap(({ file, result }) =>
      isFailure(result) ? [{ file, reason: reasonOf(result) }] : [],
    );
  }
}

const reasonOf = ({ error, attempts }: ItemFailure) =>
  `${error instanceof Error ? error.message : String(error)} (${attempts} attempts)`;

type Found = Required<Pick<Shared, "facts" | "job">>;

/** Reduces: compares what was found, without a model. */
export class Rank extends Node<Shared, Found, Ranked[]> {
  constructor() {
    super({ requires: ["facts"] });
  }

  override prep({ facts = [], job }: Shared): Found {
    return { facts, job };
  }

  override exec({ facts, job }: Found): Ranked[] {
    const ranked = facts.map(({ file, facts }) => rank(file, facts, job));
    return ranked.sort((a, b) => b.score - a.score || a.name.localeCompare(b.name));
  }

  override post(shared: Shared, _found: Found, ranking: Ranked[]): void {
    shared.ranking = ranking;
  }
}
