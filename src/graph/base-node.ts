// BaseNode: the common part of nodes and flows: options, links by action, and run.

import { type Awaitable, isThenable, whenSettled } from "../base/awaitable.js";
import { invalidOption, quote, SluiceError, show } from "../base/errors.js";
import { BEGIN, MIDDLE, NODE } from "../base/keys.js";
import { classNameOf, nameOf } from "../base/name.js";
import { checkOptions, type Rule } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import { warn } from "../base/warnings.js";
import type { Context, RunOptions } from "../engine/context.js";
import { Links } from "../engine/links.js";
import { Run } from "../engine/run.js";
import { Scope } from "../engine/scope.js";
import { type BaseOptions, INSTEAD, NO_SETTINGS, type NodeOptions, settingsOf } from "../engine/settings.js";
import type { Action, Step, Wiring } from "../engine/step.js";
import type { StepContext } from "../engine/step-context.js";
import { walk } from "../engine/walk.js";
import { checkNode } from "./check-node.js";

/** The named actions that a node's `post` returns; `string` if it can return any. */
export type NamedActionOf<N> = N extends { post(...args: never[]): infer R }
  ? Exclude<Extract<Awaited<R>, string>, "">
  : string;

/** The actions that can be linked on a node: those that its `post` names, and `"default"`. */
export type ActionOf<N> = NamedActionOf<N> | "default";

/** The target of each action of a node; `null` ends the flow on purpose. */
export type Branches<N, S> = { readonly [A in NamedActionOf<N>]: BaseNode<S> | null } & {
  readonly default?: BaseNode<S> | null;
};

const NO_OPTIONS = {};

/** The base class of nodes and flows: a name, links by action, and `run`. */
export abstract class BaseNode<S = Untyped> {
  /** A type-only member that makes the compiler check the store of a node against that of its flow. */
  declare readonly "~shared"?: ((shared: S) => void) | undefined;
  /** The name in errors, events and diagrams. */
  declare readonly name: string;
  /** @internal */
  declare readonly [NODE]: Wiring;

  /** @internal */
  constructor(options: unknown, rules: Record<string, Rule>, kind: "node" | "batch" | "walks") {
    let settings = NO_SETTINGS;
    if (options !== undefined) {
      const where = classNameOf(new.target);
      checkOptions(where, options, rules, "attempts" in rules ? INSTEAD : {});
      settings = settingsOf(where, options as NodeOptions);
    }
    const given = (options ?? NO_OPTIONS) as BaseOptions;
    const { name, requires } = given;
    const leaf = kind !== "walks";
    const plain = kind === "node" && settings.singleAttempt;
    const links: Wiring["links"] = new Links();
    this[NODE] = {
      name,
      settings,
      requires,
      leaf,
      plain,
      options: given,
      takes: rules,
      walks: undefined,
      batch: undefined,
      checked: false,
      links,
      copies: undefined,
    };
  }

  /** Reads the store and returns the input of the step's middle. */
  prep(_shared: S, _ctx: Context): Awaitable<unknown> {
    return undefined;
  }

  /** Writes the store and returns the action to follow; nothing or `""` follows `"default"`. */
  post(_shared: S, _prepRes: Untyped, _execRes: Untyped, _ctx: Context): Awaitable<Action> {
    return undefined;
  }

  /** @internal */
  abstract [MIDDLE](prepared: unknown, shared: unknown, ctx: StepContext, scope: Scope): Awaitable<unknown>;

  /**
   * Links the `"default"` action and returns the next node, so that calls can be chained.
   *
   * @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`.
   */
  next<N extends BaseNode<S>>(node: N): N {
    link(this, "default", node);
    return node;
  }

  /**
   * Links an action and returns this node, so that calls can be chained.
   *
   * @throws SluiceError `INVALID_ACTION` unless the action is a non-empty string, `INVALID_NODE`, `UNKNOWN_HOOK`.
   */
  on<A extends ActionOf<this>>(action: A, node: BaseNode<S>): this {
    link(this, action, node);
    return this;
  }

  /**
   * Links every action that `post` names, each to a node or, with `null`, to the end of the flow.
   *
   * @returns This node.
   */
  branch(branches: Branches<this, S>): this {
    if (typeof branches !== "object" || branches === null) {
      throw invalidOption(
        `${quote(nameOf(this))}.branch()`,
        "branches",
        "an object of nodes by action",
        branches,
      );
    }
    for (const [action, node] of Object.entries(branches as Record<string, BaseNode<S> | null | undefined>)) {
      if (node === null) this.end(action as ActionOf<this>);
      else if (node !== undefined) link(this, action, node);
    }
    return this;
  }

  /** Ends the flow at an action on purpose, which suppresses the warning. Returns this node. */
  end<A extends ActionOf<this>>(action: A): this {
    link(this, action, END);
    return this;
  }

  /**
   * Runs only this node, without following its links, and returns its action as `post` returned it.
   *
   * @throws The error of a hook, unwrapped ({@link locate} returns its place); after an abort the signal's reason,
   * within 20 ms except for hooks with access to the store, which are awaited; SluiceError `INVALID_OPTION`,
   * `UNKNOWN_OPTION`.
   */
  run(shared: S, options?: RunOptions): Promise<Action> {
    try {
      checkNode("run()", this);
      warnOfLinks(this);
      return runNode(this, shared, new Run(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @internal */
  [BEGIN](shared: S, run: Run): Awaitable<Action> {
    return walk(this as unknown as Step, shared, new Scope(run), true);
  }
}

/** The whole of a run, watched or not. */
export function runNode<S>(node: BaseNode<S>, shared: S, run: Run): Promise<Action> {
  return new Promise((resolve, reject) => {
    run.settles(resolve, reject);
    try {
      const work = begin(node, shared, run);
      if (isThenable(work)) whenSettled(work, run);
      else run.succeeded(work);
    } catch (error) {
      run.failed(error);
    }
  });
}

function begin<S>(node: BaseNode<S>, shared: S, run: Run): unknown {
  const { watch, journaling } = run;
  if (watch === undefined && journaling === undefined) return node[BEGIN](shared, run);
  const first = () => node[BEGIN](shared, run);
  const step = node as unknown as Step;
  const work = journaling === undefined ? first : () => journaling.run(run, step, shared, first);
  return watch === undefined ? work() : watch.run(node, run.cancellation, work);
}

function link(from: BaseNode, action: unknown, to: unknown): void {
  if (typeof action !== "string" || action === "") {
    const expected = "expected an action (a non-empty string)";
    throw new SluiceError("INVALID_ACTION", `${quote(nameOf(from))}.on(): ${expected}, got ${show(action)}`);
  }
  checkNode(".on()", from, from);
  if (to !== END) checkNode(".on()", to, from);
  const target = to === END ? null : (to as Step);
  const { links } = from[NODE];
  const before = links.get(action);
  if (before !== undefined && before !== target) {
    warn(
      "SLUICE_LINK_OVERWRITTEN",
      `${quote(nameOf(from))}: the link of the action ${quote(action)} is overwritten`,
    );
  }
  links.set(action, target);
}

function warnOfLinks(node: BaseNode): void {
  if (node[NODE].links.size === 0 || warnedOfLinks.has(node)) return;
  warnedOfLinks.add(node);
  warn(
    "SLUICE_LINKS_NOT_FOLLOWED",
    `${quote(nameOf(node))}.run() runs this node alone and follows none of its links; to follow them write new Flow(node).run(shared)`,
  );
}

// A getter: with an own property on each node, building and running a small flow takes 12 % longer.
Object.defineProperty(BaseNode.prototype, "name", {
  get(this: BaseNode) {
    return this[NODE].name ?? classNameOf(this.constructor);
  },
  set(value: unknown) {
    Object.defineProperty(this, "name", { value, writable: true, enumerable: true, configurable: true });
  },
});

/** Marks the end of a flow on purpose, as opposed to a `null` by mistake. */
const END = Symbol("end");

const warnedOfLinks = new WeakSet<BaseNode>();
