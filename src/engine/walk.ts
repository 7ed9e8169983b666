// The walk: step after step along the links, each of them prep → middle → post.
import { type Awaitable, isThenable, type Listener, Pending } from "../base/awaitable.js";
import { MIDDLE, NODE } from "../base/keys.js";
import type { Watch } from "../observe/watch.js";
import { executeOnce, type Leaf, recoverOnce } from "./execute.js";
import { wrapStep } from "./items.js";
import type { Scope } from "./scope.js";
import { type Action, type Step, stepOf, type Wiring } from "./step.js";
import { checkAction, nextOf } from "./step-checks.js";
import { StepContext } from "./step-context.js";
import { callPost, callPrep, mayBeShort } from "./step-hooks.js";
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
  /** The values of the current step during a wait; written by #wait and #advance. */
  #ctx: StepContext | undefined;
  #prepared: unknown;
  /** The number of steps begun, including those of the outer walk; written by #countStep. */
  #steps: number;
  /** Where it continues after a wait; written by #wait. */
  #next: Phase = PREP;
  /** Whether the current part locates its own errors; written as each part begins. */
  #located = false;
  /** Whether the fallback of the short path was called in this step; written by `failed` and #post. */
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

  /** Executes steps until it ends or has to wait. Writes of each step's values into this older object would be slow. */
  #advance(from: Phase, given: unknown): unknown {
    const scope = this.#scope;
    const { run, cancellation } = scope;
    const { yields, watch } = run;
    const isShort = mayBeShort(run, this.#record);
    let value = given;
    let ctx = this.#ctx as StepContext;
    let prepared = this.#prepared;
    try {
      for (let phase = from; ; phase = PREP) {
        if (phase === PREP) {
          ctx = this.#begin(scope);
          value = callPrep(this.#node, this.#wiring, this.#record, this.#shared, ctx);
          if (isThenable(value)) return this.#wait(value, PREPARED, ctx);
        }
        if (phase <= PREPARED) prepared = value;
        if (phase <= YIELDED) {
          if (--yields.budget <= 0 || watch !== undefined || phase === YIELDED) {
            const yielded = yieldAfterPrep(this.#node, scope, phase === YIELDED);
            if (yielded !== undefined) return this.#wait(yielded, YIELDED, ctx, prepared);
          }
          cancellation?.throwIfDraining();
          value = this.#execute(prepared, ctx, isShort);
          if (isThenable(value)) return this.#wait(value, EXECUTED, ctx, prepared);
        }
        if (phase <= EXECUTED) {
          // Some SDKs end an aborted stream without an error, and a partial answer must not be used.
          cancellation?.throwIfAborted();
          value = this.#post(prepared, value, ctx);
          if (isThenable(value)) return this.#wait(value, POSTED, ctx);
        }
        cancellation?.throwIfAborted();
        ctx.close();
        if (!this.#follow(value as Action)) return value;
      }
    } catch (error) {
      this.#ctx = ctx;
      throw error;
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

  /** Continues at a phase when work settles, with the values of the step. */
  #wait(work: PromiseLike<unknown>, next: Phase, ctx?: StepContext, prepared?: unknown): typeof WAITING {
    this.#next = next;
    this.#ctx = ctx;
    this.#prepared = prepared;
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
    if (this.#next !== EXECUTED || this.#located || this.#hasRecovered) {
      this.reject(this.#blame(error));
      return;
    }
    this.#hasRecovered = true;
    try {
      const ctx = this.#ctx as StepContext;
      const prepared = this.#prepared;
      const result = recoverOnce(this.#node as unknown as Leaf, prepared, error, ctx);
      if (isThenable(result)) this.#wait(result, EXECUTED, ctx, prepared);
      else this.succeeded(result);
    } catch (failure) {
      this.reject(this.#blame(failure));
    }
  }

  #countStep({ run, cancellation }: Scope): void {
    cancellation?.throwIfDraining();
    if (run.maxSteps !== undefined && run.steps >= run.maxSteps) throw this.#scope.tooManySteps(this.#node); // and does not count
    run.steps++;
    this.#steps++;
  }

  #wrapStep(watch: Watch): unknown {
    const node = this.#node;
    this.#countStep(this.#scope);
    this.#located = true;
    const steps = this.#steps;
    return wrapStep(watch, node, this.#scope, (inner) => {
      const record = tapped(watch.values, inner.span, this.#record);
      const step = new Walk(node, this.#shared, inner, true, undefined, record);
      step.#steps = steps;
      return step.start();
    });
  }

  /** Counts a step and creates its context. */
  #begin(scope: Scope): StepContext {
    if (scope.run.watch === undefined) this.#countStep(scope);
    else scope.cancellation?.throwIfAborted();
    return new StepContext(scope, this.#node, scope.index, 0, this.#steps);
  }

  #execute(prepared: unknown, ctx: StepContext, isShort: boolean): unknown {
    const node = this.#node;
    const { plain, copies } = this.#wiring;
    if (isShort && (plain || copies?.isPlain(node))) return executeOnce(node as never, prepared, ctx);
    this.#located = true;
    return node[MIDDLE](prepared, this.#shared, ctx, this.#scope);
  }

  #post(prepared: unknown, result: unknown, ctx: StepContext): unknown {
    this.#located = this.#hasRecovered = false;
    return callPost(this.#node, this.#record, this.#shared, prepared, result, ctx);
  }

  /** Moves to the next node of the action; returns false if there is none. */
  #follow(action: Action): boolean {
    if (this.#wiring.copies === undefined) checkAction(this.#node, action);
    if (this.#alone) return false;
    const next = nextOf(this.#node, this.#wiring, action, this.#scope);
    if (next === undefined || next === null) return false;
    const wiring = next[NODE];
    this.#node = wiring.copies === undefined ? next : stepOf(next, this.#scope);
    this.#wiring = wiring;
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
