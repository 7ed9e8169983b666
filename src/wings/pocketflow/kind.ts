// What distinguishes the classes, and the keys by which they find each other's parts.
import {
  attempt,
  type Rule,
  type Scope,
  type Settings,
  type Step,
  type StepContext,
  settingsOf,
  type Wiring,
} from "sluice/internal";
import { Calls } from "./wiring.js";

/** What `_exec` does in a class. */
export const EXECUTE = Symbol("execute");

/** How a class is wired. */
export interface Kind {
  readonly kind: "node" | "batch" | "walks";
  readonly rules: Record<string, Rule>;
  readonly options: object;
  readonly settings: Settings;
  readonly batch?: Wiring["batch"];
}

/** How the items of a batch run: the first failure ends it. */
export const itemsAtOnce = (concurrency: number): NonNullable<Kind["batch"]> => ({
  concurrency,
  collect: false,
  maxFailures: undefined,
});

export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Of a BaseNode: one call. */
export const PLAIN: Kind = { kind: "node", rules: {}, options: {}, settings: settingsOf("", {}) };

/** Calls `exec`, until it succeeds or the settings allow no further try. */
export function attemptOf(
  node: object,
  settings: Settings,
  input: unknown,
  { step }: StepContext,
  scope: Scope,
): unknown {
  return attempt({ node: new Calls(node as Step), settings, scope, input, index: scope.index, step });
}
