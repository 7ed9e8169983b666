// The walk: one step after another along the links, each of them prep → the middle → post.

import { type Awaitable, isThenable, Pending, whenSettled } from "../base/awaitable.js";
import { quote, SluiceError, show, showPath } from "../base/errors.js";
import { NODE, nameOf } from "../base/name.js";
import { nearest } from "../base/nearest.js";
import { backpressure, warn } from "../observe/events.js";
import type { Watch } from "../observe/watch.js";
import { executeOnce, type Leaf } from "./attempts.js";
import type { Params } from "./context.js";
import type { FanOutSettings } from "./fan-out.js";
import type { Links } from "./links.js";
import { type Scope, StepContext } from "./scope.js";
import type { Settings } from "./settings.js";

export { NODE };
/** Cross-build key of what a node does between `prep` and `post`. */
export const MIDDLE = Symbol.for("sluice.middle");

/** Cross-build key of how `run()` begins, and of one walk of a flow. */
export const BEGIN = Symbol.for("sluice.begin");
export const WALK = Symbol.for("sluice.walk");

/** The options of a flow that its walks need. */
export interface WalkSettings {
  readonly params: Params | undefined;
  readonly strict: boolean;
}

/** What the engine keeps of a node: wired before runs, never written by one. */
export interface Wiring {
  /** What it is called, unless after its class. */
  readonly name: string | undefined;
  readonly settings: Settings;
  /** Keys that the store must have. */
  readonly requires: readonly string[] | undefined;
  /** Whether it calls `exec`, once or for items, and walks nothing. */
  readonly leaf: boolean;
  /** A node without attempts, timeout and gates, whose `exec` is called without machinery. */
  readonly plain: boolean;
  /** As they were given, and which ones its class takes: whoever draws the node tells its kind by them. */
  readonly options: object;
  readonly takes: Readonly<Record<string, unknown>>;
  /** Of a flow: what holds for its walks. Written by the constructor of the class, as the next one is. */
  walks: WalkSettings | undefined;
  /** Of a batch: how its items run. Not a `#private` field of the node: a Proxy around a node has none. */
  batch: FanOutSettings | undefined;
  /** Whether its hooks have been looked at, for it is asked at each link. */
  checked: boolean;
  /** Where each action leads; `null` ends the flow on purpose. */
  readonly links: Links<Step | null>;
}

/** A node as the walk sees it. */
export interface Step {
  readonly name: string;
  readonly [NODE]: Wiring;
  prep(shared: unknown, ctx: StepContext): unknown;
  post(shared: unknown, prepared: unknown, result: unknown, ctx: StepContext): unknown;
  /** Only called when `plain` is false. */
  [MIDDLE](prepared: unknown, shared: unknown, ctx: StepContext, scope: Scope): Awaitable<unknown>;
}

/** An action: a name, or nothing for `"default"`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a `post` without a return statement has this type
export type Action = string | undefined | null | void;

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
  /** Where it goes on after a wait; written by #wait. */
  #next: Phase = PREP;
  /** Whether the engine's own parts threw, which locate their errors themselves; written as each part begins. */
  #located = false;
  #onValue: ((value: unknown) => void) | undefined = undefined;
  #onError: (error: unknown) => void = noListener;

  constructor(start: Step, shared: unknown, scope: Scope, alone: boolean, watch: Watch | undefined) {
    super();
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
      return this.reject(error);
    }
    if (action !== WAITING) this.resolve(action);
  }

  #countStep(): void {
    const { run, cancellation } = this.#scope;
    if (cancellation?.aborted) throw cancellation.reason;
    if (run.steps++ >= run.maxSteps) throw this.#scope.tooManySteps(this.#node);
  }

  #wrapStep(watch: Watch): unknown {
    const scope = this.#scope;
    const node = this.#node;
    this.#countStep();
    this.#located = true;
    return watch.wrap({
      kind: "step",
      node,
      place: scope,
      index: scope.index,
      more: (action) => ({ action }),
      perform: (span) =>
        new Walk(node, this.#shared, scope.with(scope.cancellation, span), true, undefined).start(),
    });
  }

  #prepare(): unknown {
    const node = this.#node;
    const scope = this.#scope;
    this.#located = false;
    if (scope.run.watch === undefined) this.#countStep();
    else scope.cancellation?.throwIfAborted();
    const ctx = new StepContext(scope, node, scope.index);
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
    const { cancellation } = this.#scope;
    if (cancellation?.aborted) throw cancellation.reason;
    const node = this.#node;
    const ctx = this.#ctx as StepContext;
    if (node[NODE].plain && this.#scope.run.watch === undefined) {
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
    `${quote(nameOf(node))} requires ${list} in the store, which has ${had}; set it before the run, or in an earlier node's post()`,
  );
}

const wrongAction = (node: Step, action: unknown): SluiceError =>
  new SluiceError(
    "INVALID_ACTION",
    `${quote(nameOf(node))}: expected post() to return an action (a string) or nothing, got ${show(action)}; put results into the store instead`,
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
    `${quote(nameOf(node))} returned the action ${quote(action)}, which is not linked, so ${showPath(scope.path(node))} ends its flow` +
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
