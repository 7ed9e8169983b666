// What the engine asks of the journal of a run, which `sluice/journal` answers. Types only.
//
// The journal stands around the walk and around `exec`: it says where a walk goes on, calls the hooks that touch the
// store, and remembers what `exec` returned. A run without one has none of this.
import type { Awaitable } from "../base/awaitable.js";
import type { AskOptions } from "./ask.js";
import type { Job } from "./execute.js";
import type { Run } from "./run.js";
import type { Scope } from "./scope.js";
import type { Action, Step } from "./step.js";
import type { StepContext } from "./step-context.js";

/** A journal, as `run(shared, { journal })` takes it. */
export interface Journaling {
  /** Runs a flow under the run's id: from its start, or from where an earlier process left it. */
  run(run: Run, node: Step, shared: unknown, begin: () => Awaitable<Action>): Promise<Action>;
}

/** The journal of one run. */
export interface RunJournal {
  /**
   * Takes a walk, or gives the action with which it has ended already.
   *
   * @param go - Takes it, from where its record says.
   */
  walk(
    start: Step,
    shared: unknown,
    scope: Scope,
    alone: boolean,
    go: (record: WalkRecord) => Awaitable<Action>,
  ): Awaitable<Action>;

  /**
   * Gives the result that a job has had already, or makes it.
   *
   * @param make - Makes it; with an error, goes on as after an attempt that threw it.
   */
  recall(job: Job, make: (failed?: { readonly error: unknown }) => unknown): unknown;

  /** The attempt at which a job goes on, from 0: a walk may have had some in an earlier process. */
  attemptOf(job: Job): number;

  /** Notes that the failure of a job is dealt with: by another attempt, or by what the fallback gave. */
  overcome(job: Job, by: { readonly attempt: number } | { readonly result: unknown }): void;

  /** Opens the record of one execution of a batch. */
  batch(node: Step, items: unknown, scope: Scope, step: number): BatchRecord;

  /** Whether an error stands for work that waits for a person: no failure, and no end of what goes on beside it. */
  isSetAside(error: unknown): boolean;

  /** A question inside `exec`. */
  ask(ctx: StepContext, question: unknown, options: AskOptions | undefined): Promise<unknown>;

  /** What names a call over resumes and machines. */
  identityOf(ctx: StepContext): string;

  /** Resolves when what it was given is written. */
  flush(): Promise<void>;
}

/** A walk: where it is, and the hooks that bring it on. */
export interface WalkRecord {
  /** The node that is next. */
  readonly node: Step;
  /** Whether its `prep` was called by an earlier process. */
  readonly isPrepared: boolean;
  /** Steps that were begun before that one. */
  readonly steps: number;
  /** Calls `prep`, or gives what it has returned already. */
  prep(node: Step, shared: unknown, ctx: StepContext): unknown;
  /** Calls `post`, and moves on. */
  post(node: Step, shared: unknown, prepared: unknown, result: unknown, ctx: StepContext): unknown;
}

/** The items of a batch: which is which, and which are done. */
export interface BatchRecord {
  /** Resolves when it can be asked; `undefined` where it can already. */
  readonly ready: Promise<void> | undefined;
  /** How many of the items that earlier processes have delivered had failed. */
  readonly failures: number;
  /** Notes an item that was pulled. @returns What it came to where it was delivered already. @throws SluiceError `DUPLICATE_KEY`. */
  take(item: unknown, index: number): { readonly result: unknown } | undefined;
  /** The number by which keys name an item: its index, or the one it had when it began. */
  slotOf(index: number): number;
  /** Calls `fork`, or gives the store that the iteration has had already. */
  fork(index: number, ctx: StepContext, fork: () => unknown): unknown;
  /** Calls what takes an item to the store. */
  deliver(index: number, result: unknown, deliver: () => unknown): unknown;
}
