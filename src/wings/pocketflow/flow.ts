// Flow, BatchFlow and ParallelBatchFlow of PocketFlow.
import type { Context, Params } from "sluice";
import {
  after,
  batchRules,
  type Cancellation,
  IterationFanOut,
  MIDDLE,
  NODE,
  newScope,
  type Place,
  parallelRules,
  type Rule,
  Run,
  rethrow,
  runNode,
  type Scope,
  type Step,
  type StepContext,
  settingsOf,
  WALK,
  type Wiring,
  walk,
} from "sluice/internal";
import { BaseNode, type NonIterableObject } from "./base-node.js";
import { itemsAtOnce, type Kind } from "./kind.js";
import { CURRENT, type Current, StandIn } from "./wiring.js";

const kindOf = (rules: Record<string, Rule>, concurrency?: number): Kind => ({
  kind: "walks",
  rules,
  options: { concurrency },
  settings: settingsOf("", {}),
  batch: concurrency === undefined ? undefined : itemsAtOnce(concurrency),
});
const FLOW = kindOf({});
const BATCH_FLOW = kindOf(batchRules, 1);
const PARALLEL_BATCH_FLOW = kindOf(parallelRules, Number.POSITIVE_INFINITY);

/**
 * Walks from its start node along the actions that nodes return. `post` gets no result and returns the action that an
 * outer flow follows; the last action of the walk is not passed on.
 *
 * @example
 * ```ts
 * import { Flow, Node } from "sluice/pocketflow";
 *
 * class Count extends Node<{ n: number }> {
 *   async post(shared: { n: number }) { return ++shared.n < 3 ? "again" : "done"; }
 * }
 * const count = new Count();
 * count.on("again", count).on("done", new Node());
 * const shared = { n: 0 };
 * await new Flow(count).run(shared);
 * shared.n; // => 3
 * ```
 */
export class Flow<S = unknown, P extends NonIterableObject = NonIterableObject> extends BaseNode<S, P> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "Flow";
  /** The first node of each walk. */
  declare start: BaseNode;

  constructor(start: BaseNode);
  /** @internal */
  constructor(start: BaseNode, kind: Kind);
  constructor(start: BaseNode, kind: Kind = FLOW) {
    super(kind);
    this.start = start;
  }

  /** Does nothing: a flow has no `exec`. */
  override async exec(_prepRes: unknown): Promise<unknown> {
    throw new Error("Flow can't exec.");
  }

  /** Walks once, with these params or those of the flow. */
  protected async _orchestrate(shared: S, params: P = this._params): Promise<void> {
    const walkIn = ({ ctx, scope }: Current) =>
      walkFrom(this, shared, scope, params, scope.cancellation, { step: ctx.step });
    const current = this[CURRENT];
    if (current !== undefined) await walkIn(current);
    else await runNode(new StandIn(this as unknown as Step, walkIn) as never, shared, new Run(undefined));
  }

  /** @internal */
  override [MIDDLE](_prepared: unknown, shared: S, ctx: StepContext, scope: Scope): never {
    this[CURRENT] = this._orchestrate === bare._orchestrate ? undefined : { shared, ctx, scope };
    const ended = this[WALK](shared, scope, undefined, scope.cancellation, { step: ctx.step });
    return after(ended, nothing, rethrow) as never;
  }

  /** @internal Walks once, with the params of an iteration if there is one. */
  [WALK](
    shared: S,
    scope: Scope,
    params: Params | undefined,
    cancellation: Cancellation | undefined,
    place: Place,
  ): unknown {
    const given = params === undefined ? this._params : { ...this._params, ...params };
    if (this[CURRENT] !== undefined) return this._orchestrate(shared, given as P);
    return walkFrom(this, shared, scope, given, cancellation, place);
  }
}

/** Walks from the start of a flow. All its nodes get the same params object, as in PocketFlow. */
function walkFrom(
  flow: Flow,
  shared: unknown,
  scope: Scope,
  params: Params,
  cancellation: Cancellation | undefined,
  place: Place,
): unknown {
  const start = flow.start as unknown as Step;
  return walk(start, shared, newScope(scope.run, params, cancellation, flow, false, start, scope, place));
}

const nothing = (): undefined => undefined;

/** Outside the class: bundlers rename a class that refers to itself. */
const bare = Flow.prototype as unknown as { readonly _orchestrate: unknown };

/**
 * A flow that walks once for each set of params that `prep` returns, one by one. Its nodes find them in `this._params`,
 * merged over those of the flow.
 *
 * @example
 * ```ts
 * import { BatchFlow, Node } from "sluice/pocketflow";
 *
 * class Greet extends Node<string[], { name: string }> {
 *   async prep(shared: string[]) { shared.push(`Hello, ${this._params.name}`); }
 * }
 * class GreetAll extends BatchFlow<string[]> {
 *   async prep() { return [{ name: "Mara" }, { name: "Tom" }]; }
 * }
 * const shared: string[] = [];
 * await new GreetAll(new Greet()).run(shared);
 * shared; // => ["Hello, Mara", "Hello, Tom"]
 * ```
 */
export class BatchFlow<
  S = unknown,
  P extends NonIterableObject = NonIterableObject,
  NP extends NonIterableObject[] = NonIterableObject[],
> extends Flow<S, P> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "BatchFlow";

  constructor(start: BaseNode);
  /** @internal */
  constructor(start: BaseNode, kind: Kind);
  constructor(start: BaseNode, kind: Kind = BATCH_FLOW) {
    super(start, kind);
  }

  /** Returns the params of each walk; `undefined` means no walk. */
  override async prep(_shared: S, _ctx?: Context): Promise<NP> {
    return [] as unknown as NP;
  }

  /** @internal */
  override [MIDDLE](prepared: unknown, shared: S, ctx: StepContext, scope: Scope): never {
    this[CURRENT] = this._orchestrate === bare._orchestrate ? undefined : { shared, ctx, scope };
    const batch = { ...(this[NODE].batch as NonNullable<Kind["batch"]>), forks: false, joins: false };
    const walks = new Walks(this as never);
    const fanOut = new IterationFanOut(walks as never, prepared, shared, scope, batch, ctx.step);
    return fanOut.run().then(nothing) as never;
  }
}

/** A batch flow as the engine sees it, without methods of its class that have the name of a sluice hook. */
class Walks {
  readonly #of: BatchFlow & Step;
  readonly [NODE]: Wiring;

  constructor(of: BatchFlow & Step) {
    this.#of = of;
    this[NODE] = of[NODE];
  }

  get name(): string {
    return this.#of.name;
  }

  execFallback(_params: unknown, error: unknown): never {
    throw error;
  }

  [WALK](...args: Parameters<BatchFlow[typeof WALK]>): unknown {
    return this.#of[WALK](...args);
  }
}

/**
 * A batch flow that starts all its walks at once, without a limit.
 *
 * It throws the first failure once the other walks have ended; each ends before its next step.
 */
export class ParallelBatchFlow<
  S = unknown,
  P extends NonIterableObject = NonIterableObject,
  NP extends NonIterableObject[] = NonIterableObject[],
> extends BatchFlow<S, P, NP> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "ParallelBatchFlow";

  constructor(start: BaseNode) {
    super(start, PARALLEL_BATCH_FLOW);
  }
}
