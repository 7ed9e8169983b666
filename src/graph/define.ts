// Ways to make nodes without a class: node({...}), parallel([...]), chain(...).

import type { Awaitable } from "../base/awaitable.js";
import { Cancellation } from "../base/cancellation.js";
import { invalidOption, quote, SluiceError } from "../base/errors.js";
import { nameOf } from "../base/name.js";
import { aFunction, checkOptions, isPlainObject, oneOf, type Rule } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import type { Context } from "../engine/context.js";
import type { Scope, StepContext } from "../engine/scope.js";
import { type BaseOptions, baseRules, INSTEAD, type NodeOptions, nodeRules } from "../engine/settings.js";
import { type Action, MIDDLE, type Step, walk } from "../engine/walk.js";
import { BaseNode } from "./base-node.js";
import { checkNode, WRONG_HOOKS } from "./check-node.js";
import { Node } from "./node.js";

/** What a `post` returns that names no action. */
type NoAction = Exclude<Action, string>;

/** The context of a hook in a definition, which fits one that says what its params are: `Context<{ file: string }>`. */
interface HookContext extends Context {
  readonly params: Untyped;
}

/** What {@link node} takes: hooks and options in one object. */
export interface NodeDefinition<S, P, E, A> extends NodeOptions<S> {
  readonly prep?: (shared: S, ctx: HookContext) => Awaitable<P>;
  readonly exec?: (prepRes: P, ctx: HookContext) => Awaitable<E>;
  readonly execFallback?: (prepRes: P, error: unknown, ctx: HookContext) => Awaitable<E>;
  readonly post?: (shared: S, prepRes: P, execRes: E, ctx: HookContext) => Awaitable<A>;
  readonly cost?: (prepRes: P) => Awaitable<number>;
}

/** A {@link Node} whose actions the compiler knows from its `post`. */
export interface DefinedNode<S, P, E, A> extends Node<S, P, E> {
  post(shared: S, prepRes: P, execRes: E, ctx: Context): Awaitable<A & Action>;
}

const hookNames = ["prep", "exec", "execFallback", "post", "cost"] as const;
const definitionRules: Record<string, Rule> = {
  ...nodeRules,
  ...Object.fromEntries(hookNames.map((hook) => [hook, aFunction])),
};

/**
 * The store of a defined node: one whose hooks say nothing of it goes with any, and they see it as `unknown`. A union,
 * for the compiler infers through it: `const trim: Node<Shared> = node({ … })` needs no annotation.
 */
type StoreOf<S> = S | (unknown extends S ? Untyped : never);

/**
 * Makes a {@link Node} from hooks and options, all types inferred: the store from a hook's `(shared: Shared)`, or from
 * `node<Shared>({ … })`. With neither, hooks get `unknown`.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 *
 * const double = node({
 *   name: "Double",
 *   prep: (shared: { n: number; result?: number }) => shared.n,
 *   exec: (n) => n * 2,
 *   post: (shared, _n, doubled) => { shared.result = doubled; },
 *   attempts: 3,
 * });
 * const shared: { n: number; result?: number } = { n: 21 };
 * await new Flow(double).run(shared);
 * shared.result; // => 42
 * ```
 */
export function node<S, P = undefined, E = undefined, A extends Action = NoAction>(
  definition: NodeDefinition<S, P, E, A>,
): DefinedNode<StoreOf<S>, P, E, A> {
  if (!isPlainObject(definition as unknown)) {
    throw invalidOption("node()", "definition", "an object of hooks and options", definition);
  }
  const hooks = Object.entries(WRONG_HOOKS).map(([wrong, right]) => [wrong, `write \`${right}\``]);
  checkOptions("node()", definition, definitionRules, { ...INSTEAD, ...Object.fromEntries(hooks) });
  const { prep, exec, execFallback, post, cost, name = "node", ...options } = definition;
  const made = new Node<S, P, E>({ name, ...options });
  for (const [hook, value] of Object.entries({ prep, exec, execFallback, post, cost })) {
    if (value !== undefined) Object.defineProperty(made, hook, { value, writable: true, configurable: true });
  }
  return made as DefinedNode<StoreOf<S>, P, E, A>;
}

/** The options of {@link parallel}. */
export interface ParallelOptions<S, Outcome, A> extends BaseOptions<S> {
  /**
   * `"all"`: the first failure aborts the rest. `"any"`: the first success aborts the rest; if there is none
   * an AggregateError is thrown. `"settled"`: all run to their end.
   *
   * @default "all"
   */
  readonly until?: "all" | "any" | "settled" | undefined;
  /** Takes what the branches came to, in branch order, and returns the action. */
  readonly post?:
    | ((shared: S, prepRes: undefined, outcomes: Outcome[], ctx: HookContext) => Awaitable<A>)
    | undefined;
}

const parallelRules: Record<string, Rule> = {
  ...baseRules,
  until: oneOf("all", "any", "settled"),
  post: aFunction,
};

/** A node that runs its branches at the same time; made by {@link parallel}. */
export class Parallel<S = Untyped, Outcome = Untyped, A extends Action = Action> extends BaseNode<S> {
  /** What runs at the same time. */
  readonly branches: readonly BaseNode<S>[];
  /** What it waits for. */
  readonly until: "all" | "any" | "settled";

  /** @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(branches: readonly BaseNode<S>[], options: ParallelOptions<S, Outcome, A> = {}) {
    super({ ...(new.target === Parallel ? { name: "parallel" } : {}), ...options }, parallelRules, "walks");
    if (!Array.isArray(branches) || branches.length === 0) {
      throw invalidOption("parallel()", "branches", "a non-empty array of nodes or flows", branches);
    }
    for (const branch of branches) checkNode("parallel()", branch);
    this.branches = [...branches];
    this.until = options.until ?? "all";
    if (options.post !== undefined) this.post = options.post as never;
  }

  /** Takes what the branches came to, in branch order. With `"any"` only the winner has an outcome. */
  override post(_shared: S, _prepRes: undefined, _outcomes: Outcome[], _ctx: Context): Awaitable<A> {
    return undefined as A;
  }

  /** @internal */
  override async [MIDDLE](
    _prepared: unknown,
    shared: unknown,
    _ctx: StepContext,
    scope: Scope,
  ): Promise<unknown[]> {
    const cancellation = new Cancellation(this.until === "any");
    if (scope.cancellation !== undefined) cancellation.follow(scope.cancellation);
    const inside = scope.child(this, false, undefined, cancellation);
    let decided: PromiseSettledResult<unknown> | undefined;
    const branch = async (start: BaseNode<S>) => {
      try {
        const value = await walk(start as unknown as Step, shared, inside, true);
        if (this.until !== "any") return value;
        cancellation.throwIfAborted(); // two may end in the same turn, and one of them was first
        decided = { status: "fulfilled", value };
        cancellation.abort(
          new SluiceError("BRANCH_LOST", `Another branch of ${quote(nameOf(this))} was first`),
          true,
        );
        return value;
      } catch (reason) {
        const last = this.until === "all" || reason === scope.run.exceeded;
        if (last && decided === undefined && !cancellation.aborted) {
          decided = { status: "rejected", reason };
          const sibling = new SluiceError(
            "SIBLING_FAILED",
            `Another branch of ${quote(nameOf(this))} failed (see \`cause\`)`,
            { cause: reason },
          );
          cancellation.abort(sibling, false);
        }
        throw reason;
      }
    };
    try {
      // A branch that starts after the decision finds the level aborted and takes no step.
      const outcomes = await Promise.allSettled(this.branches.map(branch));
      scope.cancellation?.throwIfAborted();
      if (decided?.status === "rejected") throw decided.reason;
      if (this.until === "settled") return outcomes;
      if (this.until === "any" && decided === undefined) {
        const errors = outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason as unknown);
        const error = new AggregateError(
          errors,
          `All ${errors.length} branches of ${quote(nameOf(this))} failed`,
        );
        scope.locate(error, this, scope.index, 0);
        throw error;
      }
      return outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : undefined));
    } finally {
      cancellation.release();
    }
  }
}

/**
 * Makes a node that runs different nodes or flows at the same time on the same store, and then follows
 * `"default"` or what `post` returns. It takes as long as its slowest branch, not as their sum.
 *
 * @throws SluiceError `INVALID_NODE`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { Flow, node, parallel } from "sluice";
 *
 * interface Shared { text: string; words?: number; letters?: number }
 *
 * const words = node({ prep: (shared: Shared) => shared.text, exec: (text) => text.split(" ").length,
 *   post: (shared, _text, n) => { shared.words = n; } });
 * const letters = node({ prep: (shared: Shared) => shared.text, exec: (text) => text.length,
 *   post: (shared, _text, n) => { shared.letters = n; } });
 * const shared: Shared = { text: "open the gate" };
 * await new Flow(parallel([words, letters])).run(shared);
 * shared; // => { text: "open the gate", words: 3, letters: 13 }
 * ```
 */
export function parallel<S = Untyped, A extends Action = NoAction>(
  branches: readonly BaseNode<S>[],
  options: ParallelOptions<S, PromiseSettledResult<Action>, A> & { readonly until: "settled" },
): Parallel<S, PromiseSettledResult<Action>, A>;
export function parallel<S = Untyped, A extends Action = NoAction>(
  branches: readonly BaseNode<S>[],
  options?: ParallelOptions<S, Action, A>,
): Parallel<S, Action, A>;
export function parallel(
  branches: readonly BaseNode[],
  options?: ParallelOptions<Untyped, Untyped, Untyped>,
): Parallel {
  return new Parallel(branches, options);
}

/**
 * Links nodes in a row by `"default"` and returns the first, so that `a.on("x", chain(b, c))` enters at `b`.
 *
 * @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`.
 */
export function chain<First extends BaseNode>(first: First, ...rest: BaseNode[]): First {
  checkNode("chain()", first);
  let last: BaseNode = first;
  for (const each of rest) last = last.next(each);
  return first;
}
