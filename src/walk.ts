// The walk: one step after another along the links, each of them prep → the middle → post. Every run goes
// through here, so it is written out in one loop: calls and promises in it are paid for at every step.
import { quote, SluiceError, show, showPath } from "./errors.js";
import { warn } from "./events.js";
import type { Links } from "./links.js";
import { nearest } from "./nearest.js";
import type { Settings } from "./node-options.js";
import { type Scope, StepContext } from "./scope.js";
import { type Awaitable, isThenable } from "./thenable.js";
import type { Watch } from "./watch/watch.js";

/** Cross-build key of what the engine keeps of a node. */
export const NODE = Symbol.for("sluice.node");
/** Cross-build key of what a node does between `prep` and `post`. */
export const MIDDLE = Symbol.for("sluice.middle");

/** Cross-build key of how `run()` begins, and of one walk of a flow. */
export const BEGIN = Symbol.for("sluice.begin");
export const WALK = Symbol.for("sluice.walk");

/** What the engine keeps of a node: wired before runs, never written by one. */
export interface Wiring {
  /** What it is called, unless after its class. */
  readonly name: string | undefined;
  readonly settings: Settings;
  /** Keys that the store must have. */
  readonly requires: readonly string[] | undefined;
  /** A leaf without attempts, timeout and gates: the walk calls its `exec` itself. */
  readonly plain: boolean;
  /** As they were given, and which ones its class takes: whoever draws the node tells its kind by them. */
  readonly options: object;
  readonly takes: Readonly<Record<string, unknown>>;
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

/** A leaf as the walk sees it. */
interface Leaf extends Step {
  exec(prepared: unknown, ctx: StepContext): unknown;
  execFallback(prepared: unknown, error: unknown, ctx: StepContext): unknown;
}

/** An action: a name, or nothing for `"default"`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a `post` without a return statement has this type
export type Action = string | undefined | null | void;

/**
 * Walks from a node to where no link leads on.
 *
 * @param alone - Takes the one step and follows no link.
 * @returns The last action, as `post` returned it.
 */
export function walk(start: Step, shared: unknown, scope: Scope, alone = false): Promise<Action> {
  const { watch } = scope.run;
  return watch === undefined
    ? steps(start, shared, scope, alone)
    : watchedSteps(start, shared, scope, alone, watch);
}

/** The same for a run that somebody watches: each step is wrapped. */
async function watchedSteps(start: Step, shared: unknown, scope: Scope, alone: boolean, watch: Watch) {
  const { run, cancellation } = scope;
  for (let node = start; ; ) {
    cancellation?.throwIfAborted();
    if (run.steps++ >= run.maxSteps) throw scope.tooManySteps(node);
    const action = (await watch.wrap({
      kind: "step",
      node,
      place: scope,
      index: scope.index,
      more: (action) => ({ action }),
      perform: (span) => steps(node, shared, scope.under(cancellation, span), true, true),
    })) as Action;
    if (alone) return action;
    const next = node[NODE].links.get(action || "default");
    if (next === undefined) unlinked(node, action, scope);
    if (next === undefined || next === null) return action;
    node = next;
  }
}

/** The steps themselves. V8 saves every variable at each await, and for all that wait: so it has few of them. */
async function steps(
  start: Step,
  shared: unknown,
  scope: Scope,
  alone: boolean,
  watched = false,
): Promise<Action> {
  const { run, cancellation } = scope;
  const { turns } = run;
  let node = start;
  for (;;) {
    if (turns.stepsToClock <= 0) {
      for (let turn = turns.breathe(); turn !== undefined; turn = turns.again()) await turn;
    }
    const ctx = new StepContext(scope, node, scope.index);
    let own = false; // whether an error comes from a hook called here, and is located here
    try {
      if (cancellation?.aborted) throw cancellation.reason;
      if (!watched && run.steps++ >= run.maxSteps) throw scope.tooManySteps(node);
      const wiring = node[NODE];
      own = true;
      if (wiring.requires !== undefined) checkStore(node, wiring.requires, shared);
      let prepared = node.prep(shared, ctx);
      if (isThenable(prepared)) prepared = await prepared;
      if (cancellation?.aborted) throw cancellation.reason;
      let result: unknown;
      if (wiring.plain && !watched) {
        try {
          result = (node as Leaf).exec(prepared, ctx);
          if (isThenable(result)) result = await (cancellation?.race(result) ?? result);
        } catch (error) {
          if (cancellation?.aborted) throw cancellation.reason;
          result = (node as Leaf).execFallback(prepared, error, ctx);
          if (isThenable(result)) result = await (cancellation?.race(result) ?? result);
        }
      } else {
        own = false;
        result = node[MIDDLE](prepared, shared, ctx, scope);
        if (isThenable(result)) result = await result;
        own = true;
      }
      // Some SDKs end an aborted stream without an error, and half an answer is no answer.
      if (cancellation?.aborted) throw cancellation.reason;
      let action = node.post(shared, prepared, result, ctx);
      if (isThenable(action)) action = await action;
      if (typeof action !== "string" && action !== undefined && action !== null)
        throw wrongAction(node, action);
      own = false;
      if (cancellation?.aborted) throw cancellation.reason;
      ctx.close();
      turns.stepsToClock--;
      // Here, not in a function of its own: a call that is not inlined costs a tenth of a small step.
      const next = alone ? null : wiring.links.get(action || "default");
      if (next === undefined) unlinked(node, action, scope);
      if (next === undefined || next === null) {
        if (!watched) scope.leave();
        return action;
      }
      node = next;
    } catch (error) {
      ctx.close();
      if (!watched) scope.leave();
      if (cancellation?.aborted) throw cancellation.reason;
      if (own) scope.locate(error, node, scope.index, 0);
      throw error;
    }
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
