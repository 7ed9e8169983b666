// The three steps. Each says in `requires` what it needs from the ones before.
import { AsyncParallelBatchNode, type Context, Node } from "sluice";
import type { Llm } from "./llm.js";

/** One section of the article. */
export interface Section {
  readonly heading: string;
  readonly text: string;
}

/** The store: notes come in, and each step adds what it made. */
export interface Shared {
  readonly notes: string;
  headings?: string[];
  sections?: Section[];
  article?: string;
}

const calls = { attempts: 3, backoff: 500, timeout: 60_000 } as const;

/** Names the sections. */
export class Outline extends Node<Shared, string, string[]> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ ...calls, requires: ["notes"] });
    this.#llm = llm;
  }

  override prep({ notes }: Shared): string {
    return notes;
  }

  override async exec(notes: string, { signal }: Context): Promise<string[]> {
    const headings = await this.#llm.outline(notes, signal);
    if (headings.length > 0) return headings;
    throw new Error("The model named no section");
  }

  override post(shared: Shared, _notes: string, headings: string[], { emit }: Context): void {
    shared.headings = headings;
    void emit(`outline   ${headings.join(", ")}`);
  }
}

/** What a section is written from. */
interface Task {
  readonly heading: string;
  readonly headings: readonly string[];
  readonly notes: string;
}

/** Writes the sections side by side: a section needs the outline, and no other section. */
export class WriteSections extends AsyncParallelBatchNode<Shared, Task, Section> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ ...calls, requires: ["headings"], concurrency: 4 });
    this.#llm = llm;
  }

  override prep({ headings = [], notes }: Shared): Task[] {
    return headings.map((heading) => ({ heading, headings, notes }));
  }

  override async exec({ heading, headings, notes }: Task, { signal, emit }: Context): Promise<Section> {
    const text = await this.#llm.section(heading, headings, notes, signal);
    void emit(`section   ${heading}: ${text.split(/\s+/).length} words`);
    return { heading, text };
  }

  /** The results are in the order of the outline, whichever was written first. */
  override post(shared: Shared, _tasks: unknown, sections: Section[]): void {
    shared.sections = sections;
  }
}

const markdownOf = (sections: readonly Section[]) =>
  sections.map(({ heading, text }) => `## ${heading}\n\n${text}`).join("\n\n");

/** Gives the whole one style; an answer that lost a section is tried again. */
export class Style extends Node<Shared, readonly Section[], string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ ...calls, requires: ["sections"] });
    this.#llm = llm;
  }

  override prep({ sections = [] }: Shared): readonly Section[] {
    return sections;
  }

  override async exec(sections: readonly Section[], { signal }: Context): Promise<string> {
    const article = await this.#llm.style(markdownOf(sections), signal);
    const lines = new Set(article.split("\n").map((line) => line.trim()));
    const lost = sections.filter(({ heading }) => !lines.has(`## ${heading}`));
    if (lost.length === 0) return article;
    throw new Error(`The model lost these headings: ${lost.map(({ heading }) => heading).join(", ")}`);
  }

  override post(shared: Shared, sections: readonly Section[], article: string, { emit }: Context): void {
    shared.article = article;
    void emit(`style     ${markdownOf(sections).length} letters became ${article.length}`);
  }
}
