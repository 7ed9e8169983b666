// What there is to see of each draft. It knows nothing of terminals and web pages: both look at it.
import { z } from "zod";
import type { Rejected } from "./llm.js";

const filled = z.string().trim().min(1).max(10_000);

/** What a person makes of a draft, wherever it comes from: a page, a line, a command. */
export const decision = z.discriminatedUnion("verdict", [
  z.object({ verdict: z.literal("approve") }),
  z.object({ verdict: z.literal("reject"), feedback: filled }),
  z.object({ verdict: z.literal("edit"), text: filled }),
]);
export type Decision = z.infer<typeof decision>;

/** What there is to see of a draft. */
export interface Paper {
  readonly id: number;
  readonly topic: string;
  readonly state: "writing" | "waiting" | "decided" | "published" | "failed";
  /** Which draft of the topic it is, counted from 1. */
  readonly round: number;
  readonly text: string;
  /** The drafts before it. */
  readonly rejected: readonly Rejected[];
  /** The file it was published as, or why it was not. */
  readonly note: string;
}

/** Papers, by their numbers. */
export class Desk {
  readonly #papers = new Map<number, Paper>();
  readonly #watchers = new Set<(paper: Paper) => void>();

  /** All papers, in the order of their arrival. */
  get papers(): readonly Paper[] {
    return [...this.#papers.values()];
  }

  paper(id: number): Paper | undefined {
    return this.#papers.get(id);
  }

  /** Puts a new paper on the desk. */
  add(id: number, topic: string): void {
    this.#set({ id, topic, state: "writing", round: 1, text: "", rejected: [], note: "" });
  }

  /** Changes what there is to see of a paper. */
  update(id: number, change: Partial<Paper>): void {
    const paper = this.#papers.get(id);
    if (paper) this.#set({ ...paper, ...change });
  }

  /** Tells of every change. @returns What ends it. */
  watch(watcher: (paper: Paper) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #set(paper: Paper): void {
    this.#papers.set(paper.id, paper);
    for (const watcher of [...this.#watchers]) watcher(paper);
  }
}
