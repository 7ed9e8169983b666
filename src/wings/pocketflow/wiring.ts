// PocketFlow nodes as the engine sees them: links, calls of exec, and stand-ins for steps that a class overrides.
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

/** The parts of a run that a step needs. */
export interface Current {
  readonly shared: unknown;
  readonly ctx: StepContext;
  readonly scope: Scope;
}

/** The run of the step that a copy executes, for `super._exec` and `super._orchestrate`. */
export const CURRENT = Symbol("current");
/** Whether `exec` is called once, wrapped only by the fallback. */
export const IS_PLAIN = Symbol("is plain");

/** A node with its protected members. */
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

/** The links of a node, which has its own Map of them. */
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

/** A step that replaces a node's own: it has only a middle, whose result is its action. */
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

/** A node that calls `exec`. */
interface Called extends Step {
  currentRetry?: number;
  exec(input: unknown, ctx: Context): unknown;
  execFallback?(input: unknown, error: unknown, ctx: Context): unknown;
}

/** Boxes an item that is a promise, which PocketFlow passes to `exec` unresolved. */
export class Boxed {
  readonly promise: unknown;

  constructor(promise: unknown) {
    this.promise = promise;
  }
}

const unboxed = (input: unknown): unknown => (input instanceof Boxed ? input.promise : input);

/** The calls of a node: `this.currentRetry` counts the tries of the item whose call began last. */
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
