// The journal of one run, as the engine asks it: walks, batches, results, questions.
import { type Action, type Awaitable, SluiceError } from "sluice";
import {
  after,
  type BatchRecord,
  type Call,
  isPlainObject,
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
  type Trip,
  type WalkRecord,
  warn,
} from "sluice/internal";
import { BatchPart, type KnownItems } from "./batch-part.js";
import type { Change, JournalDriver } from "./driver.js";
import { NumberByHash } from "./identity.js";
import { attemptIn, isUnder, withoutAttempt } from "./keys.js";
import { decode, encode, problemOf } from "./plain-data.js";
import type { Questions } from "./questions.js";
import { Ranges } from "./ranges.js";
import type { SavedState } from "./saved-state.js";
import type { Part, StoreCut } from "./store-cut.js";
import type { Sweeper } from "./sweeper.js";
import { WalkPart } from "./walk-part.js";
import type { WriteQueue } from "./write-queue.js";

/** Ms of other work that a ms of cuts is worth. */
const SHARE = 20;
/** Rows of items in a page. */
const PAGE = 10_000;

/** What a record stands on. */
export interface RecordParts {
  readonly driver: JournalDriver;
  readonly run: Run;
  readonly queue: WriteQueue;
  readonly questions: Questions;
  readonly sweeper: Sweeper;
  /** What an earlier process has left; `undefined` in a run that begins. */
  readonly saved: SavedState | undefined;
  readonly root: StoreCut;
}

/** The journal of one run, from its claim to its end. */
export class RunRecord implements RunJournal {
  readonly #parts: RecordParts;
  /** By their store; and those of forks by their key. */
  readonly #cuts = new Map<object, StoreCut>();
  readonly #forks = new Map<string, StoreCut>();
  readonly #walks = new Map<string, WalkPart>();
  /** Walks and batches by the key of the step that they are of. */
  readonly #children = new Map<string, Set<Part & { readonly key: string }>>();
  readonly #warned = new WeakMap<Step, Set<string>>();
  /** When the next cut may be taken; written by #take. */
  #nextAt = 0;
  /** Cuts that are due and could not be taken yet. */
  readonly #due = new Set<StoreCut>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(parts: RecordParts) {
    this.#parts = parts;
    this.#cuts.set(parts.root.store, parts.root);
  }

  walk(
    start: Step,
    shared: unknown,
    scope: Scope,
    alone: boolean,
    go: (record: WalkRecord) => Awaitable<Action>,
  ): Awaitable<Action> {
    const { saved, run } = this.#parts;
    const key = `${scope.walkKey(start)}${alone ? "%." : ""}`;
    if (scope.attempt > 0) this.#restart(withoutAttempt(key), scope.attempt);
    const cut = this.#cuts.get(shared as object) ?? this.#parts.root;
    const before = saved?.takeWalk(key, cut);
    if (before === undefined) return go(this.#enter(new WalkPart(this, key, scope, cut, start, alone)));
    if (before.phase === "ended") return before.action;
    const node = alone ? start : this.#nodeOf(scope, start, before.node);
    const { kept } = before;
    // A step that is begun again was counted already; what run() was called on counts for none.
    if (before.phase === "exec" && scope.flow !== undefined) run.steps--;
    const part = new WalkPart(this, key, scope, cut, node, alone, { steps: before.steps, kept });
    return go(this.#enter(part));
  }

  /** The node of a flow that has an id. The graph was checked before anything began. */
  #nodeOf(scope: Scope, start: Step, id: string): Step {
    for (const [node, each] of scope.run.idsFrom(start)) if (each === id) return node as unknown as Step;
    throw new SluiceError("GRAPH_CHANGED", `The flow has no node ${quote(id)} any more`);
  }

  #enter(part: WalkPart): WalkPart {
    this.#walks.set(part.key, part);
    this.#adopt(stepOf(part.key), part);
    return part;
  }

  #adopt(step: string, part: Part & { readonly key: string }): void {
    let siblings = this.#children.get(step);
    if (siblings === undefined) this.#children.set(step, (siblings = new Set()));
    siblings.add(part);
  }

  attemptOf({ node, scope, step, index }: Trip): number {
    return this.#parts.saved?.attemptAt(scope.keyOf(node, step, scope.batch && index)) ?? 0;
  }

  /** Forgets what earlier attempts at a walk have left. */
  #restart(key: string, attempt: number): void {
    const { queue, questions, saved } = this.#parts;
    if ((saved?.attemptAt(key) ?? 0) >= attempt) return;
    saved?.setAttempt(key, attempt);
    this.#forget(key);
    questions.withdraw(key);
    queue.add({ drop: key });
  }

  batch(node: Step, _items: unknown, scope: Scope, step: number): BatchRecord {
    const key = scope.keyOf(node, step);
    const walk = this.#walks.get(scope.walkKey(node)) ?? this.#walks.get(`${scope.walkKey(node)}%.`);
    const part = new BatchPart(this, key, node, walk as WalkPart);
    this.#adopt(key, part);
    return part;
  }

  /** @internal What an earlier process has written of a batch. */
  known(batch: BatchPart): Promise<KnownItems> | undefined {
    const { saved } = this.#parts;
    if (saved === undefined) return undefined;
    return this.#load(batch, saved);
  }

  async #load(batch: BatchPart, state: SavedState): Promise<KnownItems> {
    const { driver, run } = this.#parts;
    const saved = state.takeBatch(batch.key);
    const kind = batch.node[NODE].leaf ? "result" : "start";
    const rows = new Ranges();
    const hashes = new NumberByHash();
    let free = 0;
    let hasHashes = false;
    for (let after: string | undefined; ; ) {
      const page = await driver.items(run.id, kind, batch.key, after, PAGE);
      for (const { item, hash } of page) {
        const slot = Number(item);
        rows.add(slot);
        free = Math.max(free, slot + 1);
        if (hash === undefined) continue;
        hasHashes = true;
        hashes.set(hash, slot);
      }
      if (page.length < PAGE) break;
      after = page.at(-1)?.item;
    }
    const byHash = saved?.byHash === true || (hasHashes && !batch.walk.isKept);
    return { saved, rows, free, byHash: byHash ? hashes : undefined };
  }

  /** @internal */
  add(change: Change): void {
    this.#parts.queue.add(change);
  }

  /** @internal */
  fork(batch: BatchPart, slot: number, ctx: StepContext, fork: () => unknown): unknown {
    const key = `${batch.key}[${slot}]`;
    const { cut } = batch.walk;
    if (ctx.attempt > 0) this.#restart(key, ctx.attempt);
    const before = this.#parts.saved?.takeFork(key, cut);
    if (before !== undefined) return this.#register(before);
    return after(fork(), (store) => this.#forked(store, key, cut, batch.node), rethrow);
  }

  #register(fork: StoreCut): unknown {
    this.#cuts.set(fork.store, fork);
    this.#forks.set(fork.key, fork);
    return fork.store;
  }

  #forked(store: unknown, key: string, outer: StoreCut, node: Step): unknown {
    if (store === outer.store) return store;
    if (!isPlainObject(store)) {
      throw new SluiceError(
        "NOT_SERIALIZABLE",
        `${quote(nameOf(node))}: expected fork() to give a plain object in a run with a journal, got ${show(store)}`,
      );
    }
    return this.#register(outer.forked(key, store));
  }

  recall(job: Call, make: (failed?: { readonly error: unknown }) => unknown): unknown {
    const { node, scope, step, index } = job;
    const batch = scope.batch as BatchPart | undefined;
    const slot = batch?.slotOf(index as number);
    const key = batch?.key ?? scope.keyOf(node, step);
    const item = slot === undefined ? "" : String(slot);
    const call = () => this.#make(job, key, item, batch, make);
    const mayHave = this.#parts.saved !== undefined && (batch === undefined || batch.hasRow(slot as number));
    if (!mayHave) return call();
    const stored = this.#parts.driver.get(this.#parts.run.id, "result", key, item);
    return after(stored, (text) => (text === undefined ? call() : decode(text as string)), rethrow);
  }

  #make(
    job: Call,
    key: string,
    item: string,
    batch: BatchPart | undefined,
    make: (failed?: { readonly error: unknown }) => unknown,
  ): unknown {
    const { atMostOnce } = (job.node as unknown as Step)[NODE].options as { readonly atMostOnce?: boolean };
    const hash = item === "" ? undefined : batch?.hashOf(Number(item));
    const keep = (value: unknown) => this.#remember(job, key, item, hash, value);
    if (atMostOnce !== true) return after(make(), keep, rethrow);
    const made = this.#once(job, key, item, hash).then((failed) => make(failed));
    return after(made, keep, rethrow);
  }

  /** Writes that a call begins; gives the failure of one that had begun already. */
  async #once(job: Call, key: string, item: string, hash: string | undefined) {
    const { driver, run, queue, saved } = this.#parts;
    if (saved !== undefined && (await driver.get(run.id, "once", key, item)) !== undefined) {
      const text = `${quote(nameOf(job.node))} was interrupted at ${key}${item && `[${item}]`}, and may have been done: with \`atMostOnce\` it is not called again; decide in execFallback()`;
      return { error: new SluiceError("INTERRUPTED", text) };
    }
    queue.add({ put: { kind: "once", key, item, hash, value: "" } });
    await queue.flush(true);
    return undefined;
  }

  /** Writes a result; one that cannot be written is used all the same, for it was paid. */
  #remember(job: Call, key: string, item: string, hash: string | undefined, value: unknown): unknown {
    if (hash === "") return value;
    const { queue } = this.#parts;
    const problem = problemOf(value);
    if (problem === undefined) {
      queue.add({ put: { kind: "result", key, item, hash, value: encode(value) } });
      const room = queue.room();
      return room === undefined ? value : room.then(() => value);
    }
    const text = `${quote(nameOf(job.node))}: a result that is no plain data is not kept (${problem}), so a resumed run pays it again`;
    this.warnOnce(job.node as unknown as Step, "SLUICE_NOT_REMEMBERED", text);
    return value;
  }

  isSetAside(error: unknown): boolean {
    return this.#parts.questions.isSetAside(error);
  }

  ask(ctx: StepContext, question: unknown, options: never): Promise<unknown> {
    return this.#parts.questions.ask(ctx, question, options);
  }

  identityOf(ctx: StepContext): string {
    return ctx.key; // by the slot of an item, which goes with it
  }

  /** @internal */
  warnOnce(node: Step, code: "SLUICE_NOT_REMEMBERED", message: string): void {
    let codes = this.#warned.get(node);
    if (codes === undefined) this.#warned.set(node, (codes = new Set()));
    if (codes.has(code)) return;
    codes.add(code);
    warn(code, message);
  }

  /** @internal */
  broke(cut: StoreCut, key: string): void {
    cut.break(key);
  }

  /** @internal */
  stepEnded(cut: StoreCut, key: string): void {
    this.#forget(key);
    this.#pass(cut, key);
  }

  /** @internal */
  itemEnded({ key, walk }: BatchPart, slot: number, isNamedByIndex: boolean): void {
    const item = `${key}[${slot}]`;
    const iteration = this.#walks.get(item);
    if (iteration !== undefined) this.#leave(iteration);
    this.#dropFork(item);
    // Rows that name an item by its hash are needed until the batch is over.
    if (isNamedByIndex) this.#parts.sweeper.item(key, String(slot), walk.cut);
    this.#pass(walk.cut, item);
  }

  #pass(cut: StoreCut, key: string): void {
    this.#parts.questions.withdraw(key);
    cut.mend(key);
    cut.passed.push(key);
    this.#due.add(cut);
    this.#cutWhatIsDue();
  }

  /** Forgets a walk, and what it was in the midst of. */
  #leave(walk: WalkPart): void {
    this.#walks.delete(walk.key);
    walk.cut.parts.delete(walk);
    const step = stepOf(walk.key);
    const siblings = this.#children.get(step);
    siblings?.delete(walk);
    if (siblings?.size === 0) this.#children.delete(step);
    this.#forget(walk.scope.keyOf(walk.node, walk.steps + 1));
  }

  /** Forgets what is part of a step. */
  #forget(step: string): void {
    for (const part of this.#children.get(step) ?? []) {
      if (part instanceof WalkPart) this.#leave(part);
      else (part as BatchPart).walk.cut.parts.delete(part);
    }
    this.#children.delete(step);
    for (const key of this.#forks.keys()) if (isUnder(key, step)) this.#dropFork(key);
  }

  #dropFork(key: string): void {
    const fork = this.#forks.get(key);
    if (fork === undefined) return;
    this.#forks.delete(key);
    this.#cuts.delete(fork.store);
    this.#due.delete(fork);
  }

  #cutWhatIsDue(): void {
    if (this.#isOver) return;
    const now = performance.now();
    if (now < this.#nextAt) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#cutWhatIsDue();
      }, this.#nextAt - now).unref();
      return;
    }
    for (const cut of this.#due) {
      if (!cut.want()) continue;
      this.#take(cut);
      break;
    }
  }

  #take(cut: StoreCut): void {
    const { queue, run, sweeper } = this.#parts;
    this.#due.delete(cut);
    const began = performance.now();
    try {
      const passed = cut.passed.splice(0);
      queue.add(...cut.take(), this.progress());
      sweeper.add(passed, cut);
    } catch (error) {
      run.halt(error, "now");
    }
    this.#nextAt = performance.now() + SHARE * (performance.now() - began + queue.lastCost);
  }

  /** How far the run is. */
  progress(): Change {
    const { run } = this.#parts;
    const { calls = 0, tokens = 0 } = run.meter?.used ?? {};
    return { progress: { steps: Math.max(0, run.steps), calls, tokens } };
  }

  /** Takes the last cuts, of all stores of which one can be taken, and takes no more. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    for (const cut of [this.#parts.root, ...this.#cuts.values()]) if (cut.canCut) this.#take(cut);
  }
}

/** The key of the step that a walk is part of. */
function stepOf(key: string): string {
  return key
    .replace(/%\.$/, "")
    .replace(/!\d+$/, "")
    .replace(/(?:\[\d+\]|\|[^/[|!]*)$/, "");
}
