// parallel([...]): a node that runs its branches at the same time.

import type { Awaitable } from "../base/awaitable.js";
import { Cancellation } from "../base/cancellation.js";
import { invalidOption, quote, SluiceError } from "../base/errors.js";
import { MIDDLE } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { aFunction, oneOf, type Rule } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import type { Context } from "../engine/context.js";
import { idsOf } from "../engine/ids.js";
import type { Scope } from "../engine/scope.js";
import { type BaseOptions, baseRules } from "../engine/settings.js";
import type { Action, Step } from "../engine/step.js";
import type { StepContext } from "../engine/step-context.js";
import { walk } from "../engine/walk.js";
import { BaseNode } from "./base-node.js";
import { checkNode } from "./check-node.js";
import type { NoAction } from "./define.js";

/** The options of {@link parallel}. */
export interface ParallelOptions<S, Outcome, A> extends BaseOptions<S> {
  /**
   * `"all"`: the first failure aborts the rest. `"any"`: the first success aborts the rest; if there is none
   * an AggregateError is thrown. `"settled"`: all run to their end.
   *
   * @default "all"
   */
  readonly until?: "all" | "any" | "settled" | undefined;
  /** Receives the outcomes of the branches in order, and returns the action. */
  readonly post?:
    | ((shared: S, prepRes: undefined, outcomes: Outcome[], ctx: Context) => Awaitable<A>)
    | undefined;
}

const parallelRules: Record<string, Rule> = {
  ...baseRules,
  until: oneOf("all", "any", "settled"),
  post: aFunction,
};

/** Outside the class: bundlers rename a class that refers to itself. */
const isParallel = (value: unknown): boolean => value === Parallel;

/** A node that runs its branches concurrently; created by {@link parallel}. */
export class Parallel<S = Untyped, Outcome = Untyped, A extends Action = Action> extends BaseNode<S> {
  /** The branches, which run concurrently. */
  readonly branches: readonly BaseNode<S>[];
  /** Which branches it waits for. */
  readonly until: "all" | "any" | "settled";

  /** @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(branches: readonly BaseNode<S>[], options: ParallelOptions<S, Outcome, A> = {}) {
    super({ ...(isParallel(new.target) ? { name: "parallel" } : {}), ...options }, parallelRules, "walks");
    if (!Array.isArray(branches) || branches.length === 0) {
      throw invalidOption("parallel()", "branches", "a non-empty array of nodes or flows", branches);
    }
    for (const branch of branches) checkNode("parallel()", branch);
    this.branches = [...branches];
    this.until = options.until ?? "all";
    if (options.post !== undefined) this.post = options.post as never;
  }

  /** Receives the outcomes of the branches in order. With `"any"` only the winner has an outcome. */
  override post(_shared: S, _prepRes: undefined, _outcomes: Outcome[], _ctx: Context): Awaitable<A> {
    return undefined as A;
  }

  /** @internal */
  override [MIDDLE](
    _prepared: unknown,
    shared: unknown,
    { step }: StepContext,
    scope: Scope,
  ): Promise<unknown[]> {
    return new BranchRuns(this, shared, scope, step).run();
  }
}

/** One execution of a {@link Parallel}: its branches and the decision between them. */
class BranchRuns {
  readonly #node: Parallel;
  readonly #shared: unknown;
  readonly #outer: Scope;
  readonly #step: number;
  readonly #cancellation: Cancellation;
  /** The outcome of the branch that decided; written once. */
  #decided: PromiseSettledResult<unknown> | undefined;

  constructor(node: Parallel, shared: unknown, outer: Scope, step: number) {
    this.#node = node;
    this.#shared = shared;
    this.#outer = outer;
    this.#step = step;
    this.#cancellation = new Cancellation(node.until === "any");
    if (outer.cancellation !== undefined) this.#cancellation.follow(outer.cancellation);
  }

  async run(): Promise<unknown[]> {
    const { branches, until } = this.#node;
    try {
      // A branch that starts after the decision finds the level aborted and executes no step.
      const outcomes = await Promise.allSettled(branches.map((_branch, at) => this.#walk(at)));
      this.#outer.cancellation?.throwIfAborted();
      if (this.#decided?.status === "rejected") throw this.#decided.reason;
      const { journal } = this.#outer.run;
      const rejected = outcomes.filter((outcome) => outcome.status === "rejected");
      const isUndone = rejected.length > 0;
      if (this.#decided === undefined && isUndone) this.#outer.cancellation?.throwIfDraining();
      const aside = rejected.find(({ reason }) => journal?.isSetAside(reason));
      if (this.#decided === undefined && aside !== undefined) throw aside.reason;
      if (until === "settled") return outcomes;
      if (until === "any" && this.#decided === undefined) throw this.#allFailed(outcomes);
      return outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : undefined));
    } finally {
      this.#cancellation.release();
    }
  }

  async #walk(at: number): Promise<unknown> {
    const { branches, until } = this.#node;
    const place = { step: this.#step, branch: () => this.#idOf(at) };
    const scope = this.#outer.child(this.#node, false, undefined, undefined, this.#cancellation, place);
    try {
      const value = await walk(branches[at] as unknown as Step, this.#shared, scope, true);
      if (until === "any") this.#win(value);
      return value;
    } catch (reason) {
      if (until === "all") this.#fail(reason);
      throw reason;
    }
  }

  #win(value: unknown): void {
    this.#cancellation.throwIfAborted(); // two branches may end in the same turn, and the first one decides
    this.#decided = { status: "fulfilled", value };
    const message = `Another branch of ${quote(nameOf(this.#node))} was first`;
    this.#cancellation.abort(new SluiceError("BRANCH_LOST", message), true);
  }

  #fail(reason: unknown): void {
    if (this.#cancellation.draining && reason === this.#cancellation.reason) return;
    if (this.#decided !== undefined || this.#cancellation.aborted) return;
    if (this.#outer.run.journal?.isSetAside(reason)) return; // the others continue
    this.#decided = { status: "rejected", reason };
    const message = `Another branch of ${quote(nameOf(this.#node))} failed (see \`cause\`)`;
    this.#cancellation.abort(new SluiceError("SIBLING_FAILED", message, { cause: reason }), false);
  }

  #allFailed(outcomes: readonly PromiseSettledResult<unknown>[]): AggregateError {
    const errors = outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason as unknown);
    const message = `All ${errors.length} branches of ${quote(nameOf(this.#node))} failed`;
    const error = new AggregateError(errors, message);
    this.#outer.locate(error, this.#node, this.#outer.index, 0);
    return error;
  }

  /** The id of a branch; a node in several branches is numbered. */
  #idOf(at: number): string {
    const branches = this.#node.branches as unknown as readonly Step[];
    const branch = branches[at] as Step;
    const id = (idsOf(branches, "", false).get(branch) as string).slice(1);
    const nth = branches.slice(0, at + 1).filter((each) => each === branch).length;
    return nth === 1 ? id : `${id}#${nth}`;
  }
}

/**
 * Creates a node that runs different nodes or flows concurrently on the same store, and then follows `"default"` or the
 * action of `post`. It takes as long as its slowest branch.
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
