// A node as the engine sees it: the members behind the symbols that every build of sluice shares.
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

/** The copies of a node that is copied for each of its steps, as in sluice/pocketflow. */
export interface Copies {
  /** The original node. */
  readonly original: Step;
  /** Returns the copy that executes one step, in a walk with these params. */
  copyFor(params: Params): Step;
  /** Whether a copy takes the short path. */
  isPlain(copy: Step): boolean;
  /** Returns the next node of an action of a copy; warns if there is none. */
  next(copy: Step, action: unknown): Step | undefined;
}

/** The engine's data of a node: wired before runs, never written by one. */
export interface Wiring {
  /** The name, if it is not the class name. */
  readonly name: string | undefined;
  readonly settings: Settings;
  /** The required keys of the store. */
  readonly requires: readonly string[] | undefined;
  /** Whether it calls `exec`, once or for items, and walks no nodes. */
  readonly leaf: boolean;
  /** Whether it has no attempts, timeout or gates, so that `exec` takes the short path. */
  readonly plain: boolean;
  /** The original options and the options of its class, from which diagrams derive its kind. */
  readonly options: object;
  readonly takes: Readonly<Record<string, unknown>>;
  /** The settings of a flow's walks; written by the constructor of the class. */
  walks: WalkSettings | undefined;
  /**
   * The fan-out of a batch; written by the constructor. Not a `#private` field of the node, which a Proxy around a node
   * would lack.
   */
  batch: FanOutSettings | undefined;
  /** Whether its hooks were checked; written by the check, which runs at each link. */
  checked: boolean;
  /** The target of each action; `null` ends the flow on purpose. */
  readonly links: Links<Step | null>;
  /** The copies; `undefined` for a node that executes its steps itself. Written by the constructor of the class. */
  copies: Copies | undefined;
}

/**
 * The object that executes a step in a walk: the node or a copy. The node that `run()` was called on executes its step
 * itself.
 */
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
