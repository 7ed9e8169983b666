// Nodes without a class: node({...}) and chain(...).

import type { Awaitable } from "../base/awaitable.js";
import { invalidOption } from "../base/errors.js";
import { aFunction, checkOptions, isPlainObject, type Rule } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import type { Context } from "../engine/context.js";
import { INSTEAD, type NodeOptions, nodeRules } from "../engine/settings.js";
import type { Action } from "../engine/step.js";
import type { BaseNode } from "./base-node.js";
import { checkNode, WRONG_HOOKS } from "./check-node.js";
import { Node } from "./node.js";

/** The return type of a `post` without named actions. */
export type NoAction = Exclude<Action, string>;

/** The context of a hook in a definition, which also fits a hook that types its params: `Context<{ file: string }>`. */
interface HookContext extends Context {
  readonly params: Untyped;
}

/** The argument of {@link node}: hooks and options in one object. */
export interface NodeDefinition<S, P, E, A> extends NodeOptions<S> {
  /** Reads the store and returns what `exec` needs; called once for each step. */
  readonly prep?: (shared: S, ctx: HookContext) => Awaitable<P>;
  /** Computes a result without the store; called once for each attempt. */
  readonly exec?: (prepRes: P, ctx: HookContext) => Awaitable<E>;
  /** Returns a result after the last attempt has failed. @default throws `error` */
  readonly execFallback?: (prepRes: P, error: unknown, ctx: HookContext) => Awaitable<E>;
  /** Writes the store and returns an action, or nothing for `"default"`; called once for each step. */
  readonly post?: (shared: S, prepRes: P, execRes: E, ctx: HookContext) => Awaitable<A>;
  /** Tokens to reserve at the gate and in the run's budget; called before each attempt. @default 0 */
  readonly cost?: (prepRes: P) => Awaitable<number>;
}

/** A {@link Node} with the actions inferred from its `post`. */
export interface DefinedNode<S, P, E, A> extends Node<S, P, E> {
  post(shared: S, prepRes: P, execRes: E, ctx: Context): Awaitable<A & Action>;
}

const hookNames = ["prep", "exec", "execFallback", "post", "cost"] as const;
const definitionRules: Record<string, Rule> = {
  ...nodeRules,
  ...Object.fromEntries(hookNames.map((hook) => [hook, aFunction])),
};

/**
 * The store of a defined node. A node whose hooks do not type the store fits any store, and its hooks get `unknown`. A
 * union, because the compiler infers through it: `const trim: Node<Shared> = node({ … })` needs no annotation.
 */
type StoreOf<S> = S | (unknown extends S ? Untyped : never);

/**
 * Creates a {@link Node} from hooks and options, with all types inferred: the store from a hook's `(shared: Shared)`,
 * or from `node<Shared>({ … })`. Without either, hooks get `unknown`.
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

/**
 * Links nodes in sequence by `"default"` and returns the first, so that `a.on("x", chain(b, c))` enters at `b`.
 *
 * @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`.
 */
export function chain<First extends BaseNode>(first: First, ...rest: BaseNode[]): First {
  checkNode("chain()", first);
  let last: BaseNode = first;
  for (const each of rest) last = last.next(each);
  return first;
}
