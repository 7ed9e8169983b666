// The interface between the engine and the journal of a run, which `sluice/journal` implements. Types only.
//
// The journal wraps the walk and `exec`: it determines where a walk continues, calls the hooks that access the store,
// and records the results of `exec`. A run without a journal skips all of this.
import type { Awaitable } from "../base/awaitable.js";
import type { AskOptions } from "./ask.js";
import type { Job } from "./execute.js";
import type { Run } from "./run.js";
import type { Scope } from "./scope.js";
import type { Action, Step } from "./step.js";
import type { StepContext } from "./step-context.js";

/** A journal, the option of `run(shared, { journal })`. */
export interface Journaling {
  /** Runs a flow under the run's id: from its start, or from where an earlier process left it. */
  run(run: Run, node: Step, shared: unknown, begin: () => Awaitable<Action>): Promise<Action>;
}

/** The journal of one run. */
export interface RunJournal {
  /**
   * Runs a walk, or returns its last action if it has ended already.
   *
   * @param go - Runs the walk from the position in its record.
   */
  walk(
    start: Step,
    shared: unknown,
    scope: Scope,
    alone: boolean,
    go: (record: WalkRecord) => Awaitable<Action>,
  ): Awaitable<Action>;

  /**
   * Returns the recorded result of a job, or computes it.
   *
   * @param make - Computes the result; with an error, continues as after an attempt that threw it.
   */
  recall(job: Job, make: (failed?: { readonly error: unknown }) => unknown): unknown;

  /** The attempt with which a job continues, from 0: a walk may have had attempts in an earlier process. */
  attemptOf(job: Job): number;

  /** Records that the failure of a job was handled: by another attempt, or by a result of the fallback. */
  overcome(job: Job, by: { readonly attempt: number } | { readonly result: unknown }): void;

  /** Opens the record of one execution of a batch. */
  batch(node: Step, items: unknown, scope: Scope, step: number): BatchRecord;

  /** Whether an error marks work that waits for a person, which is not a failure and does not stop its siblings. */
  isSetAside(error: unknown): boolean;

  /** Asks a question in `exec`. */
  ask(ctx: StepContext, question: unknown, options: AskOptions | undefined): Promise<unknown>;

  /** The identity of a call over resumes and machines. */
  identityOf(ctx: StepContext): string;

  /** Resolves when all records are written. */
  flush(): Promise<void>;
}

/** The record of a walk: its position, and the hooks that advance it. */
export interface WalkRecord {
  /** The next node. */
  readonly node: Step;
  /** Whether an earlier process called its `prep`. */
  readonly isPrepared: boolean;
  /** The number of steps begun before it. */
  readonly steps: number;
  /** Calls `prep`, or returns its recorded result. */
  prep(node: Step, shared: unknown, ctx: StepContext): unknown;
  /** Calls `post` and advances. */
  post(node: Step, shared: unknown, prepared: unknown, result: unknown, ctx: StepContext): unknown;
}

/** The record of a batch: the identities of its items, and which are done. */
export interface BatchRecord {
  /** Resolves when the record is ready; `undefined` if it is ready. */
  readonly ready: Promise<void> | undefined;
  /** The number of failed items among those that earlier processes delivered. */
  readonly failures: number;
  /** Records a pulled item. @returns Its result, if it was delivered already. @throws SluiceError `DUPLICATE_KEY`. */
  take(item: unknown, index: number): { readonly result: unknown } | undefined;
  /** The number of an item in keys: its index, or the index that it had when it began. */
  slotOf(index: number): number;
  /** Calls `fork`, or returns the recorded store of the iteration. */
  fork(index: number, ctx: StepContext, fork: () => unknown): unknown;
  /** Calls the delivery of an item to the store. */
  deliver(index: number, result: unknown, deliver: () => unknown): unknown;
}
