// Flow: a node whose middle is a walk.

import type { Awaitable } from "../base/awaitable.js";
import type { Cancellation } from "../base/cancellation.js";
import { invalidOption, quote } from "../base/errors.js";
import { BEGIN, MIDDLE, NODE, WALK } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { aBoolean, anObject, aVersion, type Rule, strings } from "../base/options.js";
import type { Untyped } from "../base/untyped.js";
import { attempt } from "../engine/attempts.js";
import type { Context, Params } from "../engine/context.js";
import { Run } from "../engine/run.js";
import { type Place, Scope } from "../engine/scope.js";
import { type TriedOptions, triedRules } from "../engine/settings.js";
import type { Action, Step, WalkSettings } from "../engine/step.js";
import type { StepContext } from "../engine/step-context.js";
import {
  type EventOf,
  type RunStream,
  type StreamOptions,
  type StreamType,
  stream,
} from "../engine/stream.js";
import { walk } from "../engine/walk.js";
import { BaseNode, runNode } from "./base-node.js";
import { checkNode } from "./check-node.js";

/**
 * The options of a {@link Flow}. Attempts and timeout apply to a whole walk; a walk that times out is awaited, because
 * it may access the store. A gate grants each walk permits but no slot: put a vendor's gate on the nodes that call it.
 */
export interface FlowOptions<S = Untyped> extends TriedOptions<S> {
  /** Params for the nodes of the flow; they take precedence over those of outer flows. */
  readonly params?: Params | undefined;
  /** Whether a named action without a link, on a node with links, is an error. @default false */
  readonly strict?: boolean | undefined;
  /**
   * Keys of the store that the journal does not keep: a program that resumes a run passes them again, and a fork copies
   * them from the store.
   */
  readonly transient?: readonly string[] | undefined;
  /** The version of the flow's behaviour. A journal resumes a run only with the version that it began with. */
  readonly version?: string | number | undefined;
}

export const flowRules: Record<string, Rule> = {
  ...triedRules,
  params: anObject,
  strict: aBoolean,
  transient: strings,
  version: aVersion,
};

/**
 * Walks from its start node along the actions that nodes return, until an action has no link. A flow is a node: it can
 * be linked, nested and run, and the outer flow follows its last action.
 *
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 *
 * const count = node({
 *   post: (shared: { n: number }) => (++shared.n < 3 ? "again" : "done"),
 * });
 * count.on("again", count).end("done");
 * const shared = { n: 0 };
 * await new Flow(count).run(shared); // => "done"
 * shared.n; // => 3
 * ```
 */
export class Flow<S = Untyped> extends BaseNode<S> {
  /** @internal The default name of a node; bundlers rename classes. */
  static override readonly name: string = "Flow";
  /** The first node of each walk. */
  readonly start: BaseNode<S>;

  constructor(start: BaseNode<S>, options?: FlowOptions<S>);
  /** @internal */
  constructor(start: BaseNode<S>, options: FlowOptions<S> | undefined, rules: Record<string, Rule>);
  /** @throws SluiceError `INVALID_NODE`, `UNKNOWN_HOOK`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(start: BaseNode<S>, options?: FlowOptions<S>, rules: Record<string, Rule> = flowRules) {
    super(options, rules, "walks");
    checkNode(": start", start, this);
    this.start = start;
    const params = options?.params === undefined ? undefined : Object.freeze({ ...options.params });
    this[NODE].walks = { params, strict: options?.strict ?? false };
    if ("exec" in this) {
      throw invalidOption(
        quote(nameOf(this)),
        "exec",
        "left out: a flow's exec is its walk; put the work into a node",
        this.exec,
      );
    }
  }

  /** Returns an action after the last attempt of the walk has failed. @default throws the error */
  execFallback(_prepRes: Untyped, error: unknown, _ctx: Context): Awaitable<Untyped> {
    throw error;
  }

  /** Tokens to reserve at the flow's gate before each walk. */
  cost?(prepRes: Untyped): Awaitable<number>;

  /** Returns the action of the flow. @default the walk's last action */
  override post(_shared: S, _prepRes: Untyped, lastAction: Untyped, _ctx: Context): Awaitable<Action> {
    return lastAction;
  }

  /**
   * Runs the flow and yields the events of the run as they happen. The last event is the end of the run, and the loop
   * throws the error with which `run()` would reject. The run begins when the first event is requested.
   *
   * A slow reader slows the run down: while `buffer` events are unread, `await emit(…)` and the start of further steps,
   * items and attempts wait. Data sent without `await` is never dropped; with 100,000 unread data events beyond the
   * buffer the run is aborted, and the loop throws `STREAM_OVERFLOW` after the last event. A newer progress event of a
   * batch replaces an unread one. Leaving the loop aborts the run and waits for its end.
   *
   * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`, synchronously.
   * @example
   * ```ts
   * import { Flow, node } from "sluice";
   *
   * const count = node({
   *   exec: async (_none: undefined, { emit }) => { for (const n of [1, 2, 3]) await emit(n); },
   * });
   * const seen: unknown[] = [];
   * for await (const event of new Flow(count).stream({}, { types: ["data"] })) seen.push(event.data);
   * seen; // => [1, 2, 3]
   * ```
   */
  stream<Type extends StreamType = StreamType>(
    shared: S,
    options?: StreamOptions<Type>,
  ): RunStream<EventOf<Type>> {
    checkNode("stream()", this);
    return stream(async (given, leave, onAbort) => {
      const run = new Run(given, leave);
      run.cancellation?.listen(onAbort);
      try {
        await runNode(this, shared, run);
      } finally {
        run.cancellation?.unlisten(onAbort);
      }
    }, options);
  }

  /** @internal */
  override [MIDDLE](
    prepared: unknown,
    shared: unknown,
    { step }: StepContext,
    scope: Scope,
  ): Awaitable<unknown> {
    const { settings } = this[NODE];
    if (settings.singleAttempt && this.execFallback === bare.execFallback) {
      return this[WALK](shared, scope, undefined, scope.cancellation, { step });
    }
    return attempt({
      node: this,
      settings,
      scope,
      input: prepared,
      index: scope.index,
      step,
      walk: (ctx) => this[WALK](shared, scope, undefined, ctx.cancellation, { step, attempt: ctx.attempt }),
    });
  }

  /** @internal A flow without hooks and options is run as its walk, which saves a step. */
  override [BEGIN](shared: S, run: Run): Awaitable<Action> {
    const { settings, requires, walks } = this[NODE];
    const own =
      !settings.singleAttempt ||
      requires !== undefined ||
      this.prep !== bare.prep ||
      this.post !== bare.post ||
      this.execFallback !== bare.execFallback;
    if (own) return super[BEGIN](shared, run);
    run.steps++;
    const { params: given, strict } = walks as WalkSettings;
    const params = given === undefined ? run.params : Object.freeze({ ...run.params, ...given });
    const start = this.start as unknown as Step;
    return walk(start, shared, new Scope(run, params, run.cancellation, this, strict, start));
  }

  /** @internal Walks once, with the params of an iteration if there is one. */
  [WALK](
    shared: unknown,
    scope: Scope,
    params: Params | undefined,
    cancellation: Cancellation | undefined,
    place: Place,
  ): Awaitable<Action> {
    const { params: own, strict } = this[NODE].walks as WalkSettings;
    const both = own && params ? { ...own, ...params } : (own ?? params);
    const start = this.start as unknown as Step;
    return walk(start, shared, scope.child(this, strict, start, both, cancellation, place));
  }
}

/** The default hooks of a flow, read now in case the prototype is patched later. */
const { prep, post, execFallback } = Flow.prototype;
const bare = { prep, post, execFallback };
