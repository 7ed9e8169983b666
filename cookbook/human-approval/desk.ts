// Where drafts lie until somebody decides. It knows nothing of terminals and web pages: both look at it and decide.
import type { Rejected } from "./llm.js";

/** What a person makes of a draft. */
export type Decision =
  | { readonly verdict: "approve" }
  | { readonly verdict: "reject"; readonly feedback: string }
  | { readonly verdict: "edit"; readonly text: string };

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

/** What became of somebody's decision. */
export type Verdict = "taken" | "no such draft" | "not waiting" | "another draft by now";

/** Papers, and the promises of those who wait for a decision. */
export class Desk {
  readonly #papers = new Map<number, Paper>();
  readonly #waiting = new Map<number, (decision: Decision) => void>();
  readonly #watchers = new Set<(paper: Paper) => void>();

  /** All papers, in the order of their arrival. */
  get papers(): readonly Paper[] {
    return [...this.#papers.values()];
  }

  /** Puts a new paper on the desk. */
  add(topic: string): number {
    const id = this.#papers.size + 1;
    this.#set({ id, topic, state: "writing", round: 1, text: "", rejected: [], note: "" });
    return id;
  }

  /** Changes what there is to see of a paper. */
  update(id: number, change: Partial<Paper>): void {
    const paper = this.#papers.get(id);
    if (paper) this.#set({ ...paper, ...change });
  }

  /** Waits for a decision: a promise in a map, and nothing else. No slot, no timer, no connection is held. */
  decision(id: number, signal: AbortSignal): Promise<Decision> {
    return new Promise((resolve, reject) => {
      const give = (decision: Decision) => {
        signal.removeEventListener("abort", giveUp);
        resolve(decision);
      };
      const giveUp = () => {
        this.#waiting.delete(id);
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting.set(id, give);
    });
  }

  /** Decides, once, and only about the very draft that the person has read. */
  decide(id: number, round: number, decision: Decision): Verdict {
    const paper = this.#papers.get(id);
    const give = this.#waiting.get(id);
    if (paper === undefined) return "no such draft";
    if (give === undefined) return "not waiting";
    if (paper.round !== round) return "another draft by now";
    this.#waiting.delete(id);
    this.update(id, { state: "decided" });
    give(decision);
    return "taken";
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
