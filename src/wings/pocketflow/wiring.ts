// What the engine sees of a node of PocketFlow: its links, its calls of exec, and what stands in for a step that a class
// takes in a way of its own.
import type { Context } from "sluice";
import {
  BEGIN,
  Links,
  MIDDLE,
  NODE,
  newScope,
  type Run,
  type Scope,
  type Step,
  type StepContext,
  type Wiring,
  walk,
} from "sluice/internal";

/** What a step has of its run. */
export interface Current {
  readonly shared: unknown;
  readonly ctx: StepContext;
  readonly scope: Scope;
}

/** On what takes a step: its run, for `_exec` and `_orchestrate` of a class that calls them by `super`. */
export const CURRENT = Symbol("current");
/** Whether `exec` is called once, and nothing stands around it but the fallback. */
export const IS_PLAIN = Symbol("is plain");

/** A node, with what is protected for users. */
export interface Inside extends Step {
  readonly [IS_PLAIN]: boolean;
  [CURRENT]?: Current | undefined;
  readonly _successors: ReadonlyMap<string, Step | undefined>;
  _exec(prepRes: unknown): unknown;
  _run(shared: unknown): unknown;
  clone(): Inside;
  setParams(params: object): unknown;
  getNextNode(action: unknown): Step | undefined;
}

/** The links of a node, which it keeps in a Map of its own. */
export class Successors extends Links<Step | null> {
  readonly original: Inside;

  constructor(original: Inside) {
    super();
    this.original = original;
  }

  override get(action: string): Step | undefined {
    return this.original._successors.get(action);
  }

  override get size(): number {
    return this.original._successors.size;
  }

  override *entries(): Generator<[action: string, target: Step], undefined> {
    for (const [action, target] of this.original._successors) if (target) yield [String(action), target];
  }
}

/** A step in place of a node's own: it has a middle alone, whose result is its action. */
export class StandIn implements Step {
  readonly of: Step;
  readonly #middle: (current: Current) => unknown;

  constructor(of: Step, middle: (current: Current) => unknown) {
    this.of = of;
    this.#middle = middle;
  }

  get name(): string {
    return this.of.name;
  }

  get [NODE](): Wiring {
    return this.of[NODE];
  }

  prep(): undefined {}

  post(_shared: unknown, _prepared: unknown, result: unknown): unknown {
    return result;
  }

  [MIDDLE](_prepared: unknown, shared: unknown, ctx: StepContext, scope: Scope): never {
    return this.#middle({ shared, ctx, scope }) as never;
  }

  [BEGIN](shared: unknown, run: Run): unknown {
    return walk(this, shared, newScope(run), true);
  }
}

/** A node whose `exec` is called. */
interface Called extends Step {
  currentRetry?: number;
  exec(input: unknown, ctx: Context): unknown;
  execFallback?(input: unknown, error: unknown, ctx: Context): unknown;
}

/** Holds an item that is a promise, which PocketFlow hands to `exec` as it is. */
export class Boxed {
  readonly promise: unknown;

  constructor(promise: unknown) {
    this.promise = promise;
  }
}

const unboxed = (input: unknown): unknown => (input instanceof Boxed ? input.promise : input);

/** The calls of a node: `this.currentRetry` counts those of the item whose call has begun last. */
export class Calls {
  readonly #of: Called;
  readonly [NODE]: Wiring;

  constructor(of: Step, wiring = of[NODE]) {
    this.#of = of as Called;
    this[NODE] = wiring;
  }

  get name(): string {
    return this.#of.name;
  }

  exec(input: unknown, ctx: StepContext): unknown {
    const node = this.#of;
    if (node.currentRetry !== undefined) node.currentRetry = ctx.attempt;
    return node.exec(unboxed(input), ctx);
  }

  execFallback(input: unknown, error: unknown, ctx: StepContext): unknown {
    const node = this.#of;
    if (node.currentRetry === undefined || node.execFallback === undefined) throw error; // a BaseNode has none
    return node.execFallback(unboxed(input), error, ctx);
  }
}
