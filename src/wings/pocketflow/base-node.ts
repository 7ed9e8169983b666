// BaseNode of PocketFlow: hooks, params, successors, and the copy that executes each step.
import { type Context, type Params, type RunOptions, BaseNode as SluiceNode } from "sluice";
import {
  BEGIN,
  type Copies,
  MIDDLE,
  NODE,
  newScope,
  Run,
  runNode,
  type Scope,
  type Step,
  type StepContext,
  type Wiring,
  walk,
} from "sluice/internal";
import { attemptOf, EXECUTE, type Kind, PLAIN, type Writable } from "./kind.js";
import { warn } from "./warn.js";
import { CURRENT, type Current, type Inside, IS_PLAIN, StandIn, Successors } from "./wiring.js";

/** The type of params: an object that is not iterable. */
export type NonIterableObject = Partial<Record<string, unknown>> & { [Symbol.iterator]?: never };

/** The name of a link between two nodes. */
export type Action = string;

/**
 * `prep → exec → post`, without retries; the base of all classes of PocketFlow.
 *
 * @example
 * ```ts
 * import { BaseNode, Flow } from "sluice/pocketflow";
 *
 * class Greet extends BaseNode<{ name: string; greeting?: string }> {
 *   async prep(shared: { name: string }) { return shared.name; }
 *   async exec(name: string) { return `Hello, ${name}`; }
 *   async post(shared: { greeting?: string }, _name: string, greeting: string) { shared.greeting = greeting; return undefined; }
 * }
 * const shared: { name: string; greeting?: string } = { name: "Mara" };
 * await new Flow(new Greet()).run(shared);
 * shared.greeting; // => "Hello, Mara"
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: a flow of sluice may hold it whatever its store, as one of PocketFlow may
export class BaseNode<S = unknown, P extends NonIterableObject = NonIterableObject> extends SluiceNode<any> {
  /** @internal The default name of nodes; bundlers rename classes. */
  static override readonly name: string = "BaseNode";
  /** The params of the flow or of the iteration that contains the step. */
  declare protected _params: P; // written by the constructor: as a field it takes a quarter of a small flow's time
  /** The next node of each action. */
  declare protected _successors: Map<Action, BaseNode>;
  /** @internal Written while a step is under way, by [MIDDLE]. */
  declare [CURRENT]?: Current | undefined;

  constructor();
  /** @internal */
  constructor(kind: Kind);
  constructor({ kind, rules, options, settings, batch }: Kind = PLAIN) {
    super(undefined, rules, kind);
    this._params = {} as P;
    this._successors = new Map();
    const wiring = this[NODE] as Writable<Wiring>;
    wiring.settings = settings;
    wiring.options = options;
    wiring.plain = false;
    wiring.batch = batch;
    wiring.checked = true; // a method may have any name, as in PocketFlow
    wiring.links = wiring.copies = new StepCopies(this as never);
  }

  /** Reads the store and returns the input of `exec`. */
  override async prep(_shared: S, _ctx?: Context): Promise<unknown> {
    return undefined;
  }

  /** Computes, without the store. */
  async exec(_prepRes: unknown, _ctx?: Context): Promise<unknown> {
    return undefined;
  }

  /** Writes the store and returns the action to follow. */
  override async post(
    _shared: S,
    _prepRes: unknown,
    _execRes: unknown,
    _ctx?: Context,
  ): Promise<Action | undefined> {
    return undefined;
  }

  /** Calls `exec` as the class does: with retries, or for each item. */
  protected async _exec(prepRes: unknown): Promise<unknown> {
    const current = this[CURRENT];
    if (current !== undefined) return this[EXECUTE](prepRes, current);
    const alone = new StandIn(this as unknown as Step, (now) => this[EXECUTE](prepRes, now));
    return runNode(alone as never, undefined, new Run(undefined));
  }

  /** Executes the step: `prep`, `_exec`, `post`. */
  async _run(shared: S): Promise<Action | undefined> {
    const current = this[CURRENT];
    if (current === undefined)
      return runNode(this, shared, new Run(undefined)) as Promise<Action | undefined>;
    const { ctx, scope } = current;
    const prepRes = await this.prep(shared, ctx);
    return this.post(shared, prepRes, await this[MIDDLE](prepRes, shared, ctx, scope), ctx);
  }

  /**
   * Runs only this node, without following its links. Also accepts the options of sluice, such as `signal` and
   * `events`.
   *
   * @throws The error of a hook, unwrapped.
   */
  override run(shared: S, options?: RunOptions): Promise<Action | undefined> {
    try {
      if (this._successors.size > 0) warn("Node won't run successors. Use Flow.");
      return runNode(this, shared, new Run(options)) as Promise<Action | undefined>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sets the params and returns this node. A flow sets its own params on the copy of each node that it executes. */
  setParams(params: P): this {
    this._params = params;
    return this;
  }

  /** Links the `"default"` action and returns the next node. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  override next<T extends SluiceNode<any>>(node: T): T {
    this.on("default", node);
    return node;
  }

  /** Links an action and returns this node. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  override on(action: Action, node: SluiceNode<any>): this {
    if (this._successors.has(action)) warn(`Overwriting successor for action '${action}'`);
    // A copy shares the links of its node until it is linked itself: a Map for each step takes half of the step's time.
    const { original } = this[NODE].copies as Copies;
    if (original !== (this as unknown)) this._successors = new Map(this._successors);
    this._successors.set(action, node as BaseNode);
    return this;
  }

  /** Returns the next node of an action; warns if only other actions have one. */
  getNextNode(action: Action = "default"): BaseNode | undefined {
    const nextAction = action || "default";
    const next = this._successors.get(nextAction);
    if (!next && this._successors.size > 0) {
      warn(`Flow ends: '${nextAction}' not found in [${Array.from(this._successors.keys())}]`);
    }
    return next;
  }

  /** Returns a copy with its own fields, params and links. */
  clone(): this {
    const copy: this = Object.assign(Object.create(Object.getPrototypeOf(this)), this);
    copy._params = { ...this._params };
    copy._successors = new Map(this._successors);
    const copies = new StepCopies(copy as never);
    (copy as unknown as { [NODE]: Wiring })[NODE] = { ...this[NODE], links: copies, copies };
    return copy;
  }

  /** @internal */
  get [IS_PLAIN](): boolean {
    return false;
  }

  /** @internal */
  [EXECUTE](prepRes: unknown, { ctx, scope }: Current): unknown {
    return attemptOf(this, PLAIN.settings, prepRes, ctx, scope);
  }

  /** @internal */
  override [MIDDLE](prepared: unknown, shared: unknown, ctx: StepContext, scope: Scope): never {
    const current = { shared, ctx, scope };
    if (this._exec === bare._exec) return this[EXECUTE](prepared, current) as never;
    this[CURRENT] = current;
    return this._exec(prepared) as never;
  }

  /** @internal The node that `run()` is called on executes its step itself, unless the run has params for it. */
  override [BEGIN](shared: unknown, run: Run): never {
    const { params } = run;
    if (Object.keys(params).length === 0)
      return walk(standInFor(this as never), shared, newScope(run), true) as never;
    const given = { ...params, ...this._params };
    return walk(copyOf(this as never, given), shared, newScope(run, given), true) as never;
  }
}

/** Outside the class: bundlers rename a class that refers to itself. */
const bare = BaseNode.prototype as unknown as Inside;

/** The node, or its stand-in if its class overrides `_run`. */
function standInFor(node: Inside): Step {
  if (node._run === bare._run) return node;
  return new StandIn(node, (current) => {
    node[CURRENT] = current;
    return node._run(current.shared);
  });
}

/** The copy that executes one step; uses an overridden `clone()`. */
function copyOf(node: Inside, params: object): Step {
  let copy: Inside;
  if (node.clone === bare.clone) {
    copy = Object.assign(Object.create(Object.getPrototypeOf(node)), node);
  } else {
    copy = node.clone();
    (copy as { [NODE]: Wiring })[NODE] = node[NODE];
  }
  copy.setParams(params);
  return standInFor(copy);
}

/** The copies and links of one node. */
class StepCopies extends Successors implements Copies {
  copyFor(params: Params): Step {
    return copyOf(this.original, Object.isFrozen(params) ? { ...params } : params);
  }

  isPlain(copy: Step): boolean {
    return (copy as Partial<Inside>)[IS_PLAIN] === true && (copy as Inside)._exec === bare._exec;
  }

  next(copy: Step, action: unknown): Step | undefined {
    return ((copy instanceof StandIn ? copy.of : copy) as Inside).getNextNode(action);
  }
}
