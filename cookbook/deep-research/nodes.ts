// One question's way: search, note down, dig deeper; and the report in the end.
import {
  AsyncParallelBatchFlow,
  type BaseNode,
  type Context,
  type Gate,
  type ItemFailure,
  isFailure,
  Node,
} from "sluice";
import type { Corpus, Passage } from "./corpus.js";
import type { Llm, Notes } from "./llm.js";

/** What was found out about one question. */
export interface Finding {
  /** Its place in the tree of questions, such as 1.2.1. */
  readonly place: string;
  readonly question: string;
  readonly text: string;
  /** The passages that it rests on. */
  readonly sources: readonly string[];
}

/** How far the research goes. */
export interface Limits {
  /** Levels of questions: 1 asks the first one only. */
  readonly depth: number;
  /** The most questions that one leads to. */
  readonly breadth: number;
  /** The most questions in all. */
  readonly most: number;
}

/** The store of one question. Each has its own, but for `asked`, which is the same one in all of them. */
export interface Shared {
  readonly limits: Limits;
  /** What has been asked anywhere, so that nothing is asked twice. */
  readonly asked: Set<string>;
  readonly question: string;
  /** Its place in the tree. */
  readonly place: string;
  readonly level: number;
  /** What is to be asked one level down. */
  next: readonly string[];
  passages: readonly Passage[];
  findings: Finding[];
  /** Questions without an answer, and why. */
  gaps: string[];
  report?: string;
}

/** Creates the store above the first question. */
export const createShared = (question: string, limits: Limits): Shared => ({
  limits,
  asked: new Set([question.toLowerCase()]),
  question,
  place: "",
  level: 0,
  next: [question],
  passages: [],
  findings: [],
  gaps: [],
});

/** Looks for passages that may have the answer. */
export class Search extends Node<Shared, string, readonly Passage[]> {
  readonly #corpus: Corpus;

  constructor(corpus: Corpus) {
    super();
    this.#corpus = corpus;
  }

  override prep({ question }: Shared): string {
    return question;
  }

  override exec(question: string): readonly Passage[] {
    return this.#corpus.search(question, 5);
  }

  override post(shared: Shared, question: string, passages: readonly Passage[]) {
    shared.passages = passages;
    if (passages.length > 0) return "found";
    shared.gaps.push(`${shared.place} ${question}: no passage has to do with it.`);
    return "nothing there";
  }
}

/** Writes down what the passages say, and what to ask next. What cites another source is a failed attempt. */
export class TakeNotes extends Node<Shared, Shared, Notes> {
  readonly #llm: Llm;

  constructor(llm: Llm, gate: Gate) {
    super({ gate, attempts: 3, backoff: 100, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep(shared: Shared): Shared {
    return shared;
  }

  override async exec({ question, passages, limits }: Shared, { signal }: Context): Promise<Notes> {
    const notes = await this.#llm.takeNotes(question, passages, limits.breadth, signal);
    const stray = notes.sources.find((number) => passages[number - 1] === undefined);
    if (stray !== undefined) throw new Error(`Source ${stray} was cited, of ${passages.length} passages`);
    return notes;
  }

  override post(shared: Shared, _: Shared, { text, sources, questions }: Notes, { emit }: Context) {
    const { asked, limits, passages, place, question, level } = shared;
    const cited = [...new Set(sources)].flatMap((number) => passages[number - 1]?.id ?? []);
    const finding: Finding = { place, question, text, sources: cited };
    shared.findings.push(finding);
    emit(finding);
    if (level >= limits.depth) return "deep enough";
    const fresh = questions.filter((each) => !asked.has(each.toLowerCase()));
    // No await between the look and the mark: sisters that run at once cannot take the same question.
    shared.next = fresh.slice(0, Math.min(limits.breadth, limits.most - asked.size));
    for (const each of shared.next) asked.add(each.toLowerCase());
    return shared.next.length > 0 ? "dig deeper" : "deep enough";
  }
}

/** The params of one question. */
interface Branch {
  readonly question: string;
  readonly number: number;
}

/** Researches all questions of a level at once, each in a store of its own, which is merged back when it is done. */
export class Research extends AsyncParallelBatchFlow<Shared, Branch, "collect"> {
  constructor(start: BaseNode<Shared>) {
    super(start, { onError: "collect" });
  }

  override prep({ next }: Shared): Branch[] {
    return next.map((question, at) => ({ question, number: at + 1 }));
  }

  override fork({ limits, asked, place, level }: Shared, { question, number }: Branch): Shared {
    const below = place === "" ? `${number}` : `${place}.${number}`;
    return { ...createShared(question, limits), asked, place: below, level: level + 1, next: [] };
  }

  override join(shared: Shared, _branch: Branch, { findings, gaps }: Shared): void {
    shared.findings.push(...findings);
    shared.gaps.push(...gaps);
  }

  /** A question that failed is a gap in the report, and no more than that. */
  override post(
    shared: Shared,
    _branches: unknown,
    actions: readonly (string | ItemFailure<Branch>)[],
  ): void {
    for (const { item, error } of actions.filter(isFailure) as ItemFailure<Branch>[]) {
      const place = shared.place === "" ? `${item.number}` : `${shared.place}.${item.number}`;
      shared.gaps.push(`${place} ${item.question}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** What the report is written from. */
interface Material {
  readonly question: string;
  readonly findings: readonly Finding[];
  /** All sources in the order of the findings: a number in the text is a place in this list, counted from 1. */
  readonly sources: readonly string[];
}

/** Writes the report; one that cites what is not in the list is a failed attempt. */
export class Report extends Node<Shared, Material, string> {
  readonly #llm: Llm;

  constructor(llm: Llm, gate: Gate) {
    super({ gate, attempts: 3, backoff: 100, timeout: 120_000 });
    this.#llm = llm;
  }

  /** Parallel branches finish in any order; the place in the tree gives back the one that is always the same. */
  override prep({ question, findings }: Shared): Material {
    if (findings.length === 0) throw new Error("Nothing was found out, so there is nothing to report.");
    const sorted = [...findings].sort((a, b) => a.place.localeCompare(b.place, "en", { numeric: true }));
    return { question, findings: sorted, sources: [...new Set(sorted.flatMap(({ sources }) => sources))] };
  }

  override async exec({ question, findings, sources }: Material, { signal }: Context): Promise<string> {
    const text = await this.#llm.report(question, findings, sources, signal);
    const cited = [...text.matchAll(/\[(\d+)\]/g)].map(([, number]) => Number(number));
    const stray = cited.find((number) => sources[number - 1] === undefined);
    if (stray !== undefined) throw new Error(`The report cites [${stray}], of ${sources.length} sources`);
    const list = sources.flatMap((source, at) => (cited.includes(at + 1) ? [`[${at + 1}] ${source}`] : []));
    return `${text}\n\nSources\n${list.join("\n")}`;
  }

  override post(shared: Shared, _: Material, report: string): void {
    shared.report = report;
  }
}
