// The differences between the classes, and the symbols of their internal parts.
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

/** Implements `_exec` in a class. */
export const EXECUTE = Symbol("execute");

/** The wiring of a class. */
export interface Kind {
  readonly kind: "node" | "batch" | "walks";
  readonly rules: Record<string, Rule>;
  readonly options: object;
  readonly settings: Settings;
  readonly batch?: Wiring["batch"];
}

/** Runs the items of a batch until the first failure. */
export const itemsAtOnce = (concurrency: number): NonNullable<Kind["batch"]> => ({
  concurrency,
  collect: false,
  maxFailures: undefined,
});

export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The kind of a BaseNode: one call. */
export const PLAIN: Kind = { kind: "node", rules: {}, options: {}, settings: settingsOf("", {}) };

/** Calls `exec` until it succeeds or no retry is left. */
export function attemptOf(
  node: object,
  settings: Settings,
  input: unknown,
  { step }: StepContext,
  scope: Scope,
): unknown {
  return attempt({ node: new Calls(node as Step), settings, scope, input, index: scope.index, step });
}
