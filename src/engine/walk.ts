// The walk: step after step along the links, each of them prep → middle → post.
import { type Awaitable, isThenable, type Listener, Pending } from "../base/awaitable.js";
import { MIDDLE, NODE } from "../base/keys.js";
import type { Watch } from "../observe/watch.js";
import { executeOnce, type Leaf, recoverOnce } from "./execute.js";
import { wrapStep } from "./items.js";
import type { Scope } from "./scope.js";
import { type Action, type Step, stepOf, type Wiring } from "./step.js";
import { checkAction, checkStore, unlinked } from "./step-checks.js";
import { StepContext } from "./step-context.js";
import { type StepRecord, tapped } from "./step-values.js";
import { yieldAfterPrep } from "./yield-point.js";

/**
 * Walks from a node along the links until an action has no link.
 *
 * @param alone - Executes one step and follows no link.
 * @returns The last action, as `post` returned it: synchronously if no hook had to be awaited.
 * @throws The error of a hook, if the walk has not waited before.
 */
export function walk(start: Step, shared: unknown, scope: Scope, alone = false): Awaitable<Action> {
  const { journal, watch } = scope.run;
  if (journal === undefined) return new Walk(stepOf(start, scope), shared, scope, alone, watch).start();
  return journal.walk(start, shared, scope, alone, (record) =>
    new Walk(stepOf(record.node, scope), shared, scope, alone, watch, record).start(),
  );
}

/** Where a walk continues: the part that has ended, or the next part. */
type Phase = 0 | 1 | 2 | 3 | 4;
const PREP = 0;
const PREPARED = 1;
const YIELDED = 2;
const EXECUTED = 3;
const POSTED = 4;

const WAITING = Symbol("waiting");

/**
 * One walk, as a state machine: an async function would await nested walks, and other walks could come in between a
 * node's `post` and the next node's `prep`. Here the end of a nested walk continues the outer one in the same turn.
 */
class Walk extends Pending implements Listener {
  readonly #shared: unknown;
  readonly #scope: Scope;
  readonly #alone: boolean;
  /** Wraps each step; `undefined` in an unwatched run. */
  readonly #watch: Watch | undefined;
  /** Calls the hooks that access the store, in a run with a journal or recorded values. */
  readonly #record: StepRecord | undefined;
  #node: Step;
  /** The node's wiring, read once for each step: nodes are of many classes, which makes the read slow. */
  #wiring: Wiring;
  /** The values of the current step; written by #prepare and #advance. */
  #ctx: StepContext | undefined;
  #prepared: unknown;
  /** The number of steps begun, including those of the outer walk; written by #countStep. */
  #steps: number;
  /** Where it continues after a wait; written by #wait. */
  #next: Phase = PREP;
  /** Whether the current part locates its own errors; written as each part begins. */
  #located = false;
  /** Whether the fallback of the short path was called; written by `failed` and #prepare. */
  #hasRecovered = false;
  #onValue: ((value: unknown) => void) | undefined;
  #onError: ((error: unknown) => void) | undefined;

  constructor(node: Step, shared: unknown, scope: Scope, alone = false, watch?: Watch, record?: StepRecord) {
    super();
    this.#record = record;
    this.#steps = record?.steps ?? 0;
    this.#node = node;
    this.#wiring = node[NODE];
    this.#shared = shared;
    this.#scope = scope;
    this.#alone = alone;
    this.#watch = watch;
  }

  start(): Awaitable<Action> {
    const action = this.#go(PREP, undefined);
    return (action === WAITING ? this : action) as Awaitable<Action>;
  }

  #go(phase: Phase, value: unknown): unknown {
    try {
      return this.#watch === undefined ? this.#advance(phase, value) : this.#advanceWatched(phase, value);
    } catch (error) {
      throw this.#blame(error);
    }
  }

  /** Executes steps until the walk ends or has to wait. */
  #advance(from: Phase, given: unknown): unknown {
    const { yields, watch } = this.#scope.run;
    let value = given;
    for (let phase = from; ; phase = PREP) {
      if (phase === PREP) {
        value = this.#prepare();
        if (isThenable(value)) return this.#wait(value, PREPARED);
      }
      if (phase <= PREPARED) this.#prepared = value;
      if (phase <= YIELDED) {
        if (--yields.budget <= 0 || watch !== undefined || phase === YIELDED) {
          const yielded = yieldAfterPrep(this.#node, this.#scope, phase === YIELDED);
          if (yielded !== undefined) return this.#wait(yielded, YIELDED);
        }
        value = this.#execute();
        if (isThenable(value)) return this.#wait(value, EXECUTED);
      }
      if (phase <= EXECUTED) {
        value = this.#post(value);
        if (isThenable(value)) return this.#wait(value, POSTED);
      }
      this.#finish(value);
      if (!this.#follow(value as Action)) return value;
    }
  }

  /** Executes steps of a watched run: each step is a separate walk in its span. */
  #advanceWatched(from: Phase, given: unknown): unknown {
    let value = given;
    for (let phase = from; ; phase = PREP) {
      if (phase === PREP) {
        value = this.#wrapStep(this.#watch as Watch);
        if (isThenable(value)) return this.#wait(value, POSTED);
      }
      if (!this.#follow(value as Action)) return value;
    }
  }

  #wait(work: PromiseLike<unknown>, next: Phase): typeof WAITING {
    this.#next = next;
    if (work instanceof Pending) work.listen(this);
    else {
      this.#onValue ??= this.succeeded.bind(this); // needs less memory than a closure
      this.#onError ??= this.failed.bind(this);
      Promise.resolve(work).then(this.#onValue, this.#onError);
    }
    return WAITING;
  }

  succeeded(value: unknown): void {
    let action: unknown;
    try {
      action = this.#go(this.#next, value);
    } catch (error) {
      this.reject(error);
      return;
    }
    if (action !== WAITING) this.resolve(action);
  }

  /** Handles the rejection of a wait: on the short path of `exec` by the fallback first. */
  failed(error: unknown): void {
    if (this.#next === EXECUTED && !this.#located && !this.#hasRecovered) {
      this.#hasRecovered = true;
      try {
        const node = this.#node as unknown as Leaf;
        const result = recoverOnce(node, this.#prepared, error, this.#ctx as StepContext);
        if (isThenable(result)) this.#wait(result, EXECUTED);
        else this.succeeded(result);
      } catch (failure) {
        this.reject(this.#blame(failure));
      }
    } else this.reject(this.#blame(error));
  }

  #countStep(): void {
    const { run, cancellation } = this.#scope;
    cancellation?.throwIfDraining();
    if (run.maxSteps !== undefined && run.steps >= run.maxSteps) throw this.#scope.tooManySteps(this.#node); // and does not count
    run.steps++;
    this.#steps++;
  }

  #wrapStep(watch: Watch): unknown {
    const node = this.#node;
    this.#countStep();
    this.#located = true;
    const steps = this.#steps;
    return wrapStep(watch, node, this.#scope, (inner) => {
      const record = tapped(watch.values, inner.span, this.#record);
      const step = new Walk(node, this.#shared, inner, true, undefined, record);
      step.#steps = steps;
      return step.start();
    });
  }

  #prepare(): unknown {
    const node = this.#node;
    const scope = this.#scope;
    this.#located = this.#hasRecovered = false;
    if (scope.run.watch === undefined) this.#countStep();
    else scope.cancellation?.throwIfAborted();
    const ctx = new StepContext(scope, node, scope.index, 0, this.#steps);
    this.#ctx = ctx;
    const record = this.#record;
    const { requires } = this.#wiring;
    if (requires !== undefined && !record?.isPrepared) checkStore(node, requires, this.#shared);
    return record === undefined ? node.prep(this.#shared, ctx) : record.prep(node, this.#shared, ctx);
  }

  #execute(): unknown {
    this.#scope.cancellation?.throwIfDraining();
    const node = this.#node;
    const ctx = this.#ctx as StepContext;
    const { run } = this.#scope;
    const long = run.meter !== undefined || run.watch !== undefined || this.#record !== undefined;
    const isPlain = this.#wiring.plain || this.#wiring.copies?.isPlain(node);
    if (isPlain && !long) return executeOnce(node as unknown as Leaf, this.#prepared, ctx);
    this.#located = true;
    return node[MIDDLE](this.#prepared, this.#shared, ctx, this.#scope);
  }

  #post(result: unknown): unknown {
    this.#located = false;
    // Some SDKs end an aborted stream without an error, and a partial answer must not be used.
    this.#scope.cancellation?.throwIfAborted();
    const ctx = this.#ctx as StepContext;
    if (this.#record === undefined) return this.#node.post(this.#shared, this.#prepared, result, ctx);
    return this.#record.post(this.#node, this.#shared, this.#prepared, result, ctx);
  }

  #finish(action: unknown): void {
    if (this.#wiring.copies === undefined) checkAction(this.#node, action);
    this.#scope.cancellation?.throwIfAborted();
    this.#ctx?.close();
  }

  /** Moves to the next node of the action; returns false if there is none. */
  #follow(action: Action): boolean {
    if (this.#alone) return false;
    const { copies, links } = this.#wiring;
    const next = copies ? copies.next(this.#node, action) : links.get(action || "default");
    if (next === undefined && !copies) unlinked(this.#node, action, this.#scope);
    if (next === undefined || next === null) return false;
    this.#node = stepOf(next, this.#scope);
    this.#wiring = next[NODE];
    return true;
  }

  #blame(error: unknown): unknown {
    const { cancellation, index } = this.#scope;
    this.#ctx?.close();
    if (cancellation?.aborted) return cancellation.reason;
    if (!this.#located) this.#scope.locate(error, this.#node, index, 0);
    return error;
  }
}
