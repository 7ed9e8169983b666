// Node: prep → exec → post, with attempts around exec.

import type { Awaitable } from "../base/awaitable.js";
import { MIDDLE, NODE } from "../base/keys.js";
import type { Untyped } from "../base/untyped.js";
import { attempt } from "../engine/attempts.js";
import type { Context } from "../engine/context.js";
import type { Scope } from "../engine/scope.js";
import { type NodeOptions, nodeRules } from "../engine/settings.js";
import type { Action } from "../engine/step.js";
import type { StepContext } from "../engine/step-context.js";
import { BaseNode } from "./base-node.js";

/**
 * One unit of work: `prep` reads the store, `exec` computes without the store and can be retried, and `post` writes the
 * store and returns the next action. Every hook may be sync or async, and each is optional.
 *
 * A node has no state of a run, so one object serves any number of concurrent runs.
 *
 * @example
 * ```ts
 * import { Flow, Node } from "sluice";
 *
 * interface Shared { text: string; words?: number }
 *
 * class CountWords extends Node<Shared, string, number> {
 *   override prep(shared: Shared) { return shared.text; }
 *   override exec(text: string) { return text.split(" ").length; }
 *   override post(shared: Shared, _text: string, words: number) { shared.words = words; }
 * }
 * const shared: Shared = { text: "to be or not to be" };
 * await new Flow(new CountWords()).run(shared);
 * shared.words; // => 6
 * ```
 */
export class Node<S = Untyped, P = Untyped, E = Untyped> extends BaseNode<S> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "Node";
  /** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(options?: NodeOptions<S>) {
    super(options, nodeRules, "node");
  }

  override prep(_shared: S, _ctx: Context): Awaitable<P> {
    return undefined as P;
  }

  /** Computes the result without the store. The options determine its attempts, timeout and gates. */
  exec(_prepRes: P, _ctx: Context): Awaitable<E> {
    return undefined as E;
  }

  /** Returns a result after the last attempt of `exec` has failed. @default throws the error */
  execFallback(_prepRes: P, error: unknown, _ctx: Context): Awaitable<E> {
    throw error;
  }

  /** Tokens to reserve at the gate before each attempt. */
  cost?(prepRes: P): Awaitable<number>;

  override post(_shared: S, _prepRes: P, _execRes: E, _ctx: Context): Awaitable<Action> {
    return undefined;
  }

  /** @internal */
  override [MIDDLE](prepared: P, _shared: unknown, { step }: StepContext, scope: Scope): Awaitable<unknown> {
    const { settings } = this[NODE];
    return attempt({ node: this as never, settings, scope, input: prepared, index: scope.index, step });
  }
}
