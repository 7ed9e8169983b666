// A node as the engine sees it: the keys that every build of sluice shares, and what stands behind them.
import type { Awaitable } from "../base/awaitable.js";
import { type MIDDLE, NODE } from "../base/keys.js";
import type { Params } from "./context.js";
import type { FanOutSettings } from "./fan-out-settings.js";
import type { Links } from "./links.js";
import type { Scope } from "./scope.js";
import type { Settings } from "./settings.js";
import type { StepContext } from "./step-context.js";

/** The options of a flow that its walks need. */
export interface WalkSettings {
  readonly params: Params | undefined;
  readonly strict: boolean;
}

/** How a node is run that is copied for each of its steps, as the classes of sluice/pocketflow are. */
export interface Copies {
  /** The node that the copies are of. */
  readonly original: Step;
  /** The copy that takes one step, in a walk with these params. */
  copyFor(params: Params): Step;
  /** Whether `exec` of a copy is called without machinery. */
  isPlain(copy: Step): boolean;
  /** The node that an action of a copy leads to; it warns by itself where there is none. */
  next(copy: Step, action: unknown): Step | undefined;
}

/** What the engine keeps of a node: wired before runs, never written by one. */
export interface Wiring {
  /** What it is called, unless after its class. */
  readonly name: string | undefined;
  readonly settings: Settings;
  /** Keys that the store must have. */
  readonly requires: readonly string[] | undefined;
  /** Whether it calls `exec`, once or for items, and walks nothing. */
  readonly leaf: boolean;
  /** A node without attempts, timeout and gates, whose `exec` is called without machinery. */
  readonly plain: boolean;
  /** As they were given, and which ones its class takes: diagrams show its kind by them. */
  readonly options: object;
  readonly takes: Readonly<Record<string, unknown>>;
  /** Of a flow: what holds for its walks. Written by the constructor of the class, as the next one is. */
  walks: WalkSettings | undefined;
  /** Of a batch: how its items run. Not a `#private` field of the node: a Proxy around a node has none. */
  batch: FanOutSettings | undefined;
  /** Whether its hooks have been looked at, for it is asked at each link. */
  checked: boolean;
  /** Where each action leads; `null` ends the flow on purpose. */
  readonly links: Links<Step | null>;
  /** `undefined` for a node that serves all its steps itself. Written by the constructor of the class. */
  copies: Copies | undefined;
}

/** The object that takes a step in a walk: the node or a copy of it. What `run()` was called on takes its step itself. */
export function stepOf(
  node: Step,
  { flow, params }: { readonly flow?: unknown; readonly params: Params },
): Step {
  const { copies } = node[NODE];
  return copies === undefined || flow === undefined ? node : copies.copyFor(params);
}

/** A node as the walk sees it. */
export interface Step {
  readonly name: string;
  readonly [NODE]: Wiring;
  prep(shared: unknown, ctx: StepContext): unknown;
  post(shared: unknown, prepared: unknown, result: unknown, ctx: StepContext): unknown;
  /** Only called when `plain` is false. */
  [MIDDLE](prepared: unknown, shared: unknown, ctx: StepContext, scope: Scope): Awaitable<unknown>;
}

/** An action: a name, or nothing for `"default"`. */
// biome-ignore lint/suspicious/noConfusingVoidType: a `post` without a return statement has this type
export type Action = string | undefined | null | void;
