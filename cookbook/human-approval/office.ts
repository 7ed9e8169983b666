// Runs one flow for each topic, on a journal: a draft that waits for a person needs no process.
import { EventEmitter } from "eventemitter3";
import { type Flow, type RunEvents, SluiceError } from "sluice";
import { type Journal, SuspendedError } from "sluice/journal";
import type { Decision, Desk } from "./desk.js";
import type { Change, Question, Shared } from "./nodes.js";

/** What became of somebody's decision. */
export type Verdict = "taken" | "no such draft" | "not waiting" | "another draft by now";

export interface OfficeDeps {
  readonly desk: Desk;
  readonly flow: Flow<Shared>;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  /** Whether it goes on with what was decided; `false` for a process that only takes decisions. */
  readonly goesOn?: boolean;
}

const PREFIX = "announcement-";

/** Starts announcements, takes decisions, and goes on with what earlier processes have left. */
export class Office {
  readonly desk: Desk;
  readonly goesOn: boolean;
  readonly #deps: OfficeDeps;
  readonly #running = new Set<Promise<void>>();
  /** The open questions, by the number of the paper. */
  readonly #tokens = new Map<number, string>();
  #last = 0;

  constructor(deps: OfficeDeps) {
    this.#deps = deps;
    this.desk = deps.desk;
    this.goesOn = deps.goesOn ?? true;
  }

  /** Puts on the desk what earlier processes have left: what waits for a person waits on, and the rest goes on. */
  async open(): Promise<void> {
    const { journal } = this.#deps;
    for (const { id: run, state } of (await journal.runs()).reverse()) {
      const id = Number(run.slice(PREFIX.length));
      this.#last = Math.max(this.#last, id);
      if (state === "done" || state === "cancelled") continue;
      const details = await journal.run(run);
      this.desk.add(id, String(details?.params.topic));
      const asked = details?.questions[0];
      if (asked === undefined) this.#goOn(id);
      else this.#wait(id, asked.token, asked.question as Question);
    }
  }

  /** Starts an announcement, beside all others. @returns Its number. */
  start(topic: string): number {
    const id = ++this.#last;
    this.desk.add(id, topic);
    this.#goOn(id, { id, topic, rejected: [] });
    return id;
  }

  /** Decides, once, and only about the very draft that the person has read. */
  async decide(id: number, round: number, decision: Decision): Promise<Verdict> {
    const paper = this.desk.paper(id);
    const token = this.#tokens.get(id);
    if (paper === undefined) return "no such draft";
    if (paper.state !== "waiting" || token === undefined) return "not waiting";
    if (paper.round !== round) return "another draft by now";
    this.desk.update(id, { state: "decided" });
    try {
      await this.#deps.journal.answer(token, decision);
    } catch (error) {
      if (!(error instanceof SluiceError && error.code === "QUESTION_ANSWERED")) {
        this.desk.update(id, { state: "waiting" });
        throw error;
      }
      this.#answered(id);
      return "not waiting"; // another process was first
    }
    this.#answered(id);
    return "taken";
  }

  /** Looks for what other processes have decided. */
  async look(): Promise<void> {
    if (this.#tokens.size === 0) return;
    const open = new Set((await this.#deps.journal.questions()).map(({ token }) => token));
    for (const [id, token] of this.#tokens) {
      if (!open.has(token) && this.desk.paper(id)?.state === "waiting") this.#answered(id);
    }
  }

  /** The questions that wait, by the number of the paper. */
  get questions(): ReadonlyMap<number, string> {
    return this.#tokens;
  }

  /** Waits until nothing is being written. */
  async quiet(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Waits until nothing is being written and nothing waits, also of what is started meanwhile. */
  async idle(): Promise<void> {
    for (;;) {
      await this.quiet();
      if (this.#tokens.size === 0) return;
      await new Promise<void>((resolve) => {
        const unwatch = this.desk.watch(() => {
          unwatch();
          resolve();
        });
      });
    }
  }

  #wait(id: number, token: string, question: Question): void {
    this.#tokens.set(id, token);
    this.desk.update(id, { state: "waiting", ...question });
  }

  #answered(id: number): void {
    this.#tokens.delete(id);
    this.#goOn(id);
    this.desk.update(id, { state: "decided", note: this.goesOn ? "" : "npm start goes on with it" });
  }

  /** Begins, or goes on where the journal says. */
  #goOn(id: number, store: Shared | object = {}): void {
    if (!this.goesOn) return;
    const run = this.#run(id, store as Shared);
    this.#running.add(run);
    run.then(() => this.#running.delete(run));
  }

  /** Fails alone: what becomes of one announcement is nothing to the others. */
  async #run(id: number, store: Shared): Promise<void> {
    const { flow, journal, signal } = this.#deps;
    const events = new EventEmitter<RunEvents>();
    events.on("data", ({ data }) => this.desk.update(id, data as Change));
    const params = { topic: this.desk.paper(id)?.topic };
    try {
      await flow.run(store, { journal, runId: `${PREFIX}${id}`, params, signal, events });
    } catch (error) {
      const [asked] = error instanceof SuspendedError ? error.questions : [];
      if (asked !== undefined) this.#wait(id, asked.token, asked.question as Question);
      else
        this.desk.update(id, {
          state: "failed",
          note: error instanceof Error ? error.message : String(error),
        });
    }
  }
}
