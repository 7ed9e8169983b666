// The walk: one step after another along the links, each of them prep → the middle → post.

import { type Awaitable, isThenable, Pending, whenSettled } from "../base/awaitable.js";
import { quote, SluiceError, show, showPath } from "../base/errors.js";
import { nearest } from "../base/nearest.js";
import { warn } from "../base/warnings.js";
import { backpressure } from "../observe/events.js";
import type { Watch } from "../observe/watch.js";
import { executeOnce, type Leaf } from "./execute.js";
import type { Scope } from "./scope.js";
import { type Action, MIDDLE, NODE, type Step } from "./step.js";
import { StepContext } from "./step-context.js";

/**
 * Walks from a node to where no link leads on.
 *
 * @param alone - Takes the one step and follows no link.
 * @returns The last action, as `post` returned it: at once where no hook had to be awaited.
 * @throws What a hook throws before the walk has to wait.
 */
export const walk = (start: Step, shared: unknown, scope: Scope, alone = false): Awaitable<Action> =>
  new Walk(start, shared, scope, alone, scope.run.watch).start();

/** Where a walk goes on: what has ended, or what is next. */
type Phase = typeof PREP | typeof PREPARED | typeof YIELDED | typeof EXECUTED | typeof POSTED;
const PREP = 0;
const PREPARED = 1;
const YIELDED = 2;
const EXECUTED = 3;
const POSTED = 4;

const WAITING = Symbol("waiting");
const noListener = () => {};

/**
 * One walk, as a state machine: an async function would await nested walks and watched steps, and between a node's
 * `post` and the next node's `prep` other walks could come in. Here a nested walk that ends goes on with the outer
 * one in the same turn.
 */
class Walk extends Pending {
  readonly #shared: unknown;
  readonly #scope: Scope;
  readonly #alone: boolean;
  /** Wraps each step; `undefined` where nothing watches. */
  readonly #watch: Watch | undefined;
  #node: Step;
  /** What the current step has; written by #prepare and #advance. */
  #ctx: StepContext | undefined = undefined;
  #prepared: unknown = undefined;
  /** Steps that it has begun; counted by #countStep. */
  #steps: number;
  /** Where it goes on after a wait; written by #wait. */
  #next: Phase = PREP;
  /** Whether the engine's own parts threw, which locate their errors themselves; written as each part begins. */
  #located = false;
  #onValue: ((value: unknown) => void) | undefined = undefined;
  #onError: (error: unknown) => void = noListener;

  /** @param steps - Steps of the same walk that were begun, by the walk that this one is a step of. */
  constructor(
    start: Step,
    shared: unknown,
    scope: Scope,
    alone: boolean,
    watch: Watch | undefined,
    steps = 0,
  ) {
    super();
    this.#steps = steps;
    this.#node = start;
    this.#shared = shared;
    this.#scope = scope;
    this.#alone = alone;
    this.#watch = watch;
  }

  start(): Awaitable<Action> {
    const action = this.#go(PREP, undefined);
    return action === WAITING ? (this as PromiseLike<unknown> as PromiseLike<Action>) : (action as Action);
  }

  #go(phase: Phase, value: unknown): unknown {
    try {
      return this.#watch === undefined ? this.#advance(phase, value) : this.#advanceWatched(phase, value);
    } catch (error) {
      throw this.#blame(error);
    }
  }

  /** Takes steps until the walk ends or has to wait. */
  #advance(from: Phase, given: unknown): unknown {
    let value = given;
    for (let phase = from; ; phase = PREP) {
      if (phase === PREP) {
        value = this.#prepare();
        if (isThenable(value)) return this.#wait(value, PREPARED);
      }
      if (phase <= PREPARED) this.#prepared = value;
      if (phase <= YIELDED) {
        const yielded = this.#yieldIfDue(phase === YIELDED);
        if (yielded !== undefined) return this.#wait(yielded, YIELDED);
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

  /** The same where something watches: each step is a walk of its own, inside its span. */
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
    if (this.#onValue === undefined) {
      this.#onValue = (value) => this.#resume(value);
      this.#onError = (error) => this.reject(this.#blame(error));
    }
    whenSettled(work, this.#onValue, this.#onError);
    return WAITING;
  }

  #resume(value: unknown): void {
    let action: unknown;
    try {
      action = this.#go(this.#next, value);
    } catch (error) {
      this.reject(error);
      return;
    }
    if (action !== WAITING) this.resolve(action);
  }

  #countStep(): void {
    const { run, cancellation } = this.#scope;
    if (cancellation?.draining) throw cancellation.reason;
    this.#steps++;
    if (run.steps++ >= run.maxSteps) throw this.#scope.tooManySteps(this.#node);
  }

  #wrapStep(watch: Watch): unknown {
    const scope = this.#scope;
    const node = this.#node;
    this.#countStep();
    this.#located = true;
    const steps = this.#steps;
    return watch.wrap({
      kind: "step",
      node,
      place: scope,
      index: scope.index,
      more: (action) => ({ action }),
      perform: (span) =>
        new Walk(node, this.#shared, scope.with(scope.cancellation, span), true, undefined, steps).start(),
    });
  }

  #prepare(): unknown {
    const node = this.#node;
    const scope = this.#scope;
    this.#located = false;
    if (scope.run.watch === undefined) this.#countStep();
    else scope.cancellation?.throwIfAborted();
    const ctx = new StepContext(scope, node, scope.index, 0, this.#steps);
    this.#ctx = ctx;
    const { requires } = node[NODE];
    if (requires !== undefined) checkStore(node, requires, this.#shared);
    return node.prep(this.#shared, ctx);
  }

  /** Gives the event loop its turn, and a slow reader his: here, for before `prep` another walk could write the store. */
  #yieldIfDue(again: boolean): Promise<void> | undefined {
    const { run } = this.#scope;
    const { yields } = run;
    if (!this.#node[NODE].leaf) return undefined;
    if (again) return yields.yieldAgain();
    if (--yields.budget <= 0) {
      const turn = yields.checkClock();
      if (turn !== undefined) return turn;
    }
    return run.watch && run.events && backpressure(run.events, this.#scope.cancellation);
  }

  #execute(): unknown {
    const { cancellation, run } = this.#scope;
    if (cancellation?.draining) throw cancellation.reason;
    const node = this.#node;
    const ctx = this.#ctx as StepContext;
    if (node[NODE].plain && run.watch === undefined && run.meter === undefined) {
      return executeOnce(node as unknown as Leaf, this.#prepared, ctx);
    }
    this.#located = true;
    return node[MIDDLE](this.#prepared, this.#shared, ctx, this.#scope);
  }

  #post(result: unknown): unknown {
    const { cancellation } = this.#scope;
    this.#located = false;
    // Some SDKs end an aborted stream without an error, and half an answer is no answer.
    if (cancellation?.aborted) throw cancellation.reason;
    return this.#node.post(this.#shared, this.#prepared, result, this.#ctx as StepContext);
  }

  #finish(action: unknown): void {
    if (typeof action !== "string" && action !== undefined && action !== null) {
      throw wrongAction(this.#node, action);
    }
    const { cancellation } = this.#scope;
    if (cancellation?.aborted) throw cancellation.reason;
    this.#ctx?.close();
  }

  /** Goes to the node that the action leads to; false where it leads to none. */
  #follow(action: Action): boolean {
    if (this.#alone) return false;
    const next = this.#node[NODE].links.get(action || "default");
    if (next === undefined) unlinked(this.#node, action, this.#scope);
    if (next === undefined || next === null) return false;
    this.#node = next;
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

function checkStore(node: Step, keys: readonly string[], shared: unknown): void {
  const store = typeof shared === "object" && shared !== null ? (shared as Record<string, unknown>) : {};
  // What every object inherits, such as `constructor`, is no key of a store.
  const missing = keys.filter(
    (key) => store[key] === undefined || (key in Object.prototype && !Object.hasOwn(store, key)),
  );
  if (missing.length === 0) return;
  const list = missing.slice(0, 20).map(quote).join(", ");
  const had = Object.keys(store).slice(0, 20).map(quote).join(", ") || "none";
  throw new SluiceError(
    "MISSING_KEYS",
    `${quote(node.name)} requires ${list} in the store, which has ${had}; set it before the run, or in an earlier node's post()`,
  );
}

const wrongAction = (node: Step, action: unknown): SluiceError =>
  new SluiceError(
    "INVALID_ACTION",
    `${quote(node.name)}: expected post() to return an action (a string) or nothing, got ${show(action)}; put results into the store instead`,
  );

/** Edges that were warned of already, some for each node. */
const warned = new WeakMap<Step, Set<string>>();

/** Warns of a named action that leads nowhere, on a node where others lead on. */
function unlinked(node: Step, action: Action, scope: Scope): void {
  const { links } = node[NODE];
  if (!action || links.size === 0) return;
  const actions = Array.from(links.entries(), ([action]) => action);
  const close = nearest(action, actions);
  const message =
    `${quote(node.name)} returned the action ${quote(action)}, which is not linked, so ${showPath(scope.path(node))} ends its flow` +
    ` (linked: ${actions.slice(0, 20).map(quote).join(", ")})${close === undefined ? "" : `; did you mean ${quote(close)}?`}` +
    ` If it should end here, say so with .end(${quote(action)})`;
  if (scope.strict) {
    const error = new SluiceError("UNKNOWN_ACTION", message);
    scope.locate(error, node, scope.index, 0);
    throw error;
  }
  scope.warn("SLUICE_UNLINKED_ACTION", message, node);
  let seen = warned.get(node);
  if (seen === undefined) warned.set(node, (seen = new Set()));
  const key = action.slice(0, 200);
  if (seen.has(key) || seen.size >= 100) return;
  seen.add(key);
  warn("SLUICE_UNLINKED_ACTION", message);
}
