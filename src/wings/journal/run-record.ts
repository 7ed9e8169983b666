// The journal of one run for the engine: walks, batches, results, questions.
import { type Action, type Awaitable, SluiceError } from "sluice";
import {
  after,
  type BatchRecord,
  type Job,
  type Named,
  NODE,
  nameOf,
  quote,
  type Run,
  type RunJournal,
  rethrow,
  type Scope,
  type Step,
  type StepContext,
  show,
  type WalkRecord,
} from "sluice/internal";
import { isPlain } from "../shared/plain-data.js";
import { type BatchHost, BatchPart } from "./batch-part.js";
import { Checkpoints } from "./checkpoints.js";
import type { Change, JournalDriver, RunRow } from "./driver.js";
import { aloneKey } from "./keys.js";
import { type KnownItems, loadItems } from "./known-items.js";
import { LiveParts } from "./live-parts.js";
import type { Questions } from "./questions.js";
import { placeOf, Results, siteOf } from "./results.js";
import type { SavedState } from "./saved-state.js";
import type { StoreCut } from "./store-cut.js";
import type { Sweeper } from "./sweeper.js";
import { type SavedWalk, type WalkHost, WalkPart } from "./walk-part.js";
import type { WriteQueue } from "./write-queue.js";

/** The dependencies of a record. */
export interface RecordParts {
  readonly driver: JournalDriver;
  readonly run: Run;
  readonly queue: WriteQueue;
  readonly questions: Questions;
  readonly sweeper: Sweeper;
  /** The state that an earlier process has left; `undefined` in a new run. */
  readonly saved: SavedState | undefined;
  readonly root: StoreCut;
  readonly row: RunRow;
}

/** The journal of one run, from its claim to its end. */
export class RunRecord implements RunJournal, WalkHost, BatchHost {
  readonly #parts: RecordParts;
  readonly #live: LiveParts;
  readonly #results: Results;
  readonly checkpoints: Checkpoints;

  constructor(parts: RecordParts) {
    const { driver, run, queue, saved, root } = parts;
    this.#parts = parts;
    this.checkpoints = new Checkpoints(parts);
    this.#live = new LiveParts(root, (fork) => this.checkpoints.drop(fork));
    this.#results = new Results({ driver, run: run.id, queue, isResumed: saved !== undefined });
  }

  walk(
    start: Step,
    shared: unknown,
    scope: Scope,
    alone: boolean,
    go: (record: WalkRecord) => Awaitable<Action>,
  ): Awaitable<Action> {
    const { saved, run, root } = this.#parts;
    const key = alone ? aloneKey(scope.walkKey(start)) : scope.walkKey(start);
    const cut = this.#live.cutOf(shared) ?? root;
    const before = saved?.takeWalk(key, cut);
    if (before?.phase === "ended") return before.action;
    const node = before === undefined || alone ? start : this.#nodeOf(scope, start, before.node);
    // A repeated step was counted before; the node that run() was called on is not counted.
    const isBegun = before?.phase === "exec" || before?.again === true;
    if (isBegun && scope.flow !== undefined) run.steps--;
    const part = new WalkPart(this, key, scope, cut, node, alone, before);
    this.#live.enter(part);
    return go(part);
  }

  /** The node of an id in a flow; `""` is the start. The graph was checked before the run began. */
  #nodeOf(scope: Scope, start: Step, id: string): Step {
    if (id === "") return start;
    for (const [node, each] of scope.run.idsFrom(start)) if (each === id) return node as unknown as Step;
    throw new SluiceError("GRAPH_CHANGED", `The flow has no node ${quote(id)} any more`);
  }

  attemptOf(job: Job): number {
    return job.walk === undefined ? 0 : (this.#parts.saved?.attemptAt(siteOf(placeOf(job))) ?? 0);
  }

  recall(job: Job, make: (failed?: { readonly error: unknown }) => unknown): unknown {
    return this.#results.recall(job, make);
  }

  overcome(job: Job, by: { readonly attempt: number } | { readonly result: unknown }): void {
    if (job.walk === undefined) return;
    const { queue, questions, saved } = this.#parts;
    const place = placeOf(job);
    const key = siteOf(place);
    const { cut } = place.batch ?? this.#walkOf(job.scope, job.node);
    const hadFork = this.#live.forkAt(key) !== undefined;
    this.#forgetWalk(key);
    const withdrawn = questions.withdraw(key);
    saved?.forget(key);
    cut.forget(key);
    cut.writers.repair(key);
    const next = "result" in by ? this.#results.fallback(job, by.result) : [firstOf(key, by.attempt)];
    // The rows of the failed walk are deleted in one transaction with its writes, or kept until its step is over: then
    // only keys distinguish the attempts.
    if (hadFork) queue.add({ drop: key }, ...next);
    else {
      cut.pending.unshift({ drop: key }, ...next);
      if (this.checkpoints.want(cut)) return;
      // Their rows are deleted with the next cut: a drop of the walk's key would also delete what its next attempt has
      // written by then.
      cut.pending.splice(0, 1, ...withdrawn.map((asked): Change => ({ drop: asked })));
    }
  }

  /** The walk that contains a step of the node, or the walk that it leads on the same store. */
  #walkOf(scope: Scope, node: Named): WalkPart {
    const key = scope.walkKey(node);
    return (this.#live.walkAt(key) ?? this.#live.walkAt(aloneKey(key))) as WalkPart;
  }

  /** Removes a walk, given its key without attempt, and its parts. */
  #forgetWalk(key: string): void {
    const walk = this.#live.walkAt(key);
    if (walk !== undefined) this.#live.leave(walk);
    this.#live.dropFork(key);
  }

  batch(node: Step, _items: unknown, scope: Scope, step: number): BatchRecord {
    const key = scope.keyOf(node, step);
    const part = new BatchPart(this, key, node, this.#walkOf(scope, node));
    this.#live.adopt(key, part);
    return part;
  }

  flush(): Promise<void> {
    return this.#parts.queue.flush();
  }

  /** @internal The items of a batch that an earlier process has recorded. */
  known({ key, isKept }: BatchPart): Promise<KnownItems> | undefined {
    const { saved, driver, run, queue } = this.#parts;
    if (saved === undefined) return undefined;
    const known = loadItems(driver, run.id, key, saved.takeBatch(key), isKept);
    return known.catch((error) => {
      queue.fail(error);
      throw error;
    });
  }

  /** @internal */
  add(change: Change): void {
    this.#parts.queue.add(change);
  }

  /** @internal */
  fork({ key: batch, cut, node }: BatchPart, slot: number, fork: () => unknown): unknown {
    const key = `${batch}[${slot}]`;
    const before = this.#parts.saved?.takeFork(key);
    if (before === undefined) return after(fork(), (store) => this.#forked(store, key, cut, node), rethrow);
    this.#live.addFork(before);
    return before.store;
  }

  #forked(store: unknown, key: string, outer: StoreCut, node: Step): unknown {
    if (store === outer.store) return store;
    if (!isPlain(store)) {
      throw new SluiceError(
        "NOT_SERIALIZABLE",
        `${quote(nameOf(node))}: expected fork() to give a plain object in a run with a journal, got ${show(store)}`,
      );
    }
    this.#live.addFork(outer.forked(key, store));
    return store;
  }

  isSetAside(error: unknown): boolean {
    return this.#parts.questions.isSetAside(error);
  }

  ask(ctx: StepContext, question: unknown, options: never): Promise<unknown> {
    const batch = ctx.scope.batch as BatchPart | undefined;
    batch?.begin(batch.slotOf(ctx.index as number)); // otherwise the answer would not find its item
    return this.#parts.questions.ask(ctx, question, options);
  }

  identityOf(ctx: StepContext): string {
    const batch = ctx.scope.batch as BatchPart | undefined;
    if (batch === undefined) return ctx.key; // of an iteration by its slot, which stays with it
    return `${batch.key}[${batch.identityOf(batch.slotOf(ctx.index as number))}]`;
  }

  /** @internal */
  warnOnce(node: Step, code: "SLUICE_NOT_REMEMBERED", message: string): void {
    this.#results.warnOnce(node, code, message);
  }

  /** @internal */
  hookEnded(cut: StoreCut): void {
    this.checkpoints.freed(cut);
  }

  /** @internal */
  stepEnded(cut: StoreCut, key: string, node: Step): void {
    this.#live.forget(key);
    const { leaf, batch } = node[NODE];
    if (leaf && batch === undefined) cut.pending.push(...this.#results.forget(node, key, ""));
    else cut.passed.push(key);
    this.checkpoints.pass(cut, key);
  }

  /** @internal */
  itemEnded({ key, cut, node }: BatchPart, slot: number, isNamedByIndex: boolean): void {
    const item = `${key}[${slot}]`;
    if (!node[NODE].leaf) {
      this.#forgetWalk(item);
      cut.passed.push(item);
    }
    // Rows with the hash of an item are needed until the batch ends.
    if (isNamedByIndex) cut.pending.push(...this.#results.forget(node, key, String(slot)));
    this.checkpoints.pass(cut, item);
  }

  /** Takes the last cuts. @returns The error of one that could not be written. */
  end(): { readonly error: unknown } | undefined {
    return this.checkpoints.end(this.#live.cuts);
  }
}

/** The row of a walk that begins a further attempt. */
function firstOf(key: string, attempt: number): Change {
  const saved: SavedWalk = { node: "", steps: 0, phase: "prep" };
  return { put: { kind: "walk", key: `${key}!${attempt + 1}`, item: "", value: JSON.stringify(saved) } };
}
