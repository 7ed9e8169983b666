// Decides when to take cuts: at the end of a step or delivery if enough time has passed since the last one, and at the
// end of the run.
import type { Run } from "sluice/internal";
import type { Change, RunRow } from "./driver.js";
import type { Questions } from "./questions.js";
import type { StoreCut } from "./store-cut.js";
import type { Sweeper } from "./sweeper.js";
import type { WriteQueue } from "./write-queue.js";

/** Milliseconds of other work per millisecond of cuts: cuts take 2 % of a run, beside the first and last one. */
const SHARE = 50;

/** The dependencies of checkpoints. */
export interface CheckpointParts {
  readonly run: Run;
  readonly queue: WriteQueue;
  readonly questions: Questions;
  readonly sweeper: Sweeper;
  /** The row of the run at its claim, with the counts of earlier processes. */
  readonly row: Pick<RunRow, "steps" | "calls" | "tokens">;
}

/** The checkpoints of one run. */
export class Checkpoints {
  readonly #parts: CheckpointParts;
  /** When the next cut may be taken; written by `take`. */
  #nextAt = 0;
  /** Cuts that are due but could not be taken yet. */
  readonly #due = new Set<StoreCut>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
  }

  /** Called at the end of a step or an item: a failure in it was handled, and a cut is due. */
  pass(cut: StoreCut, key: string): void {
    if (this.#parts.questions.withdraw(key).length > 0) cut.pending.push({ drop: key });
    cut.forget(key);
    cut.writers.repair(key);
    this.#due.add(cut);
    this.#takeWhatIsDue();
  }

  /** Called when a hook that was writing a store has ended. */
  freed(cut: StoreCut): void {
    if (this.#due.size > 0 && cut.writers.areDone) this.#takeWhatIsDue();
  }

  /** Takes a cut as soon as it can be taken. @returns Whether it was taken now. */
  want(cut: StoreCut): boolean {
    this.#due.add(cut);
    this.#takeWhatIsDue();
    return !this.#due.has(cut);
  }

  /** Called when a store is no longer used. */
  drop(cut: StoreCut): void {
    this.#due.delete(cut);
  }

  #takeWhatIsDue(): void {
    if (this.#isOver) return;
    if (performance.now() >= this.#nextAt) {
      for (const cut of this.#due) {
        const target = targetOf(cut);
        if (target === undefined) continue;
        this.#take(target);
        break;
      }
    }
    // Blocked cuts are checked again when their last writer ends.
    if ([...this.#due].some((cut) => targetOf(cut) !== undefined)) this.#takeLater();
  }

  #takeLater(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#takeWhatIsDue();
      },
      Math.max(1, this.#nextAt - performance.now()),
    ).unref();
  }

  #take(cut: StoreCut): void {
    const { queue, run, sweeper } = this.#parts;
    this.#due.delete(cut);
    const began = performance.now();
    try {
      const passed = cut.passed.splice(0);
      const changes = cut.take();
      this.#takeFirst(cut, changes);
      queue.add(...changes, this.#progress());
      sweeper.add(passed);
    } catch (error) {
      run.halt(error, "now");
      this.#failure ??= { error };
    }
    this.#nextAt = performance.now() + SHARE * (performance.now() - began + queue.lastCost);
  }

  /** Takes the first cuts of forks of a store, together with one of the store. */
  #takeFirst(outer: StoreCut, changes: Change[]): void {
    for (const fork of outer.forks) {
      if (fork.isWritten || !fork.writers.areDone) continue;
      this.#due.delete(fork);
      changes.push(...fork.take());
      this.#takeFirst(fork, changes);
    }
  }

  /** Why a cut could not be taken; written by #take. */
  #failure: { readonly error: unknown } | undefined;

  /** The progress of the run. */
  #progress(): Change {
    const { run, row } = this.#parts;
    const { calls, tokens } = run.meter?.used ?? row;
    return { progress: { steps: Math.max(row.steps, run.steps), calls, tokens } };
  }

  /** Takes the first cut of a run. */
  begin(cut: StoreCut): void {
    this.#take(cut);
  }

  /** Takes the last cuts of all stores that permit one. @returns Why one could not be written. */
  end(cuts: Iterable<StoreCut>): { readonly error: unknown } | undefined {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const cut of cuts) {
      cut.writers.end();
      if (this.#failure === undefined && targetOf(cut) === cut) this.#take(cut);
    }
    return this.#failure;
  }
}

/**
 * The store whose cut includes this store; `undefined` if it must wait. `fork` may have written the outer store, so the
 * first cut of a fork is taken together with one of the outer store.
 */
function targetOf(cut: StoreCut): StoreCut | undefined {
  if (!cut.writers.want()) return undefined;
  return cut.isWritten || cut.outer === undefined ? cut : targetOf(cut.outer);
}
