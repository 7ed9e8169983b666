// Checks of a step: required keys, the returned action, and its link.

import { quote, SluiceError, show, showPath } from "../base/errors.js";
import { NODE } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { nearest } from "../base/nearest.js";
import { isRecord } from "../base/realms.js";
import { warn } from "../base/warnings.js";
import type { Scope } from "./scope.js";
import type { Action, Step, Wiring } from "./step.js";

/** Formats the first names of a list for a message. */
const listOf = (names: readonly string[]): string => names.slice(0, 20).map(quote).join(", ");

/** @throws SluiceError `MISSING_KEYS`. */
export function checkStore(node: Step, keys: readonly string[], shared: unknown): void {
  const store = isRecord(shared) ? shared : {};
  // Inherited members such as `constructor` are not keys of a store.
  const missing = keys.filter(
    (key) => store[key] === undefined || (key in Object.prototype && !Object.hasOwn(store, key)),
  );
  if (missing.length === 0) return;
  const had = listOf(Object.keys(store)) || "none";
  throw new SluiceError(
    "MISSING_KEYS",
    `${quote(nameOf(node))} requires ${listOf(missing)} in the store, which has ${had}; set it before the run, or in an earlier node's post()`,
  );
}

/** @throws SluiceError `INVALID_ACTION` if `post` did not return an action. */
export function checkAction(node: Step, action: unknown): void {
  if (typeof action === "string" || action === undefined || action === null) return;
  throw new SluiceError(
    "INVALID_ACTION",
    `${quote(nameOf(node))}: expected post() to return an action (a string) or nothing, got ${show(action)}; put results into the store instead`,
  );
}

/** The target of an action. Warns about a named action without one. */
export function nextOf(
  node: Step,
  { copies, links }: Wiring,
  action: Action,
  scope: Scope,
): Step | null | undefined {
  if (copies !== undefined) return copies.next(node, action);
  const next = links.get(action || "default");
  if (next === undefined) unlinked(node, action, scope);
  return next;
}

/** The actions already warned about, for each node. */
const warned = new WeakMap<Step, Set<string>>();

/** Warns about a named action without a link, on a node that has other links. */
function unlinked(node: Step, action: Action, scope: Scope): void {
  const { links } = node[NODE];
  if (!action || links.size === 0) return;
  const actions = Array.from(links.entries(), ([action]) => action);
  const close = nearest(action, actions);
  const message =
    `${quote(nameOf(node))} returned the action ${quote(action)}, which is not linked, so ${showPath(scope.path(node))} ends its flow` +
    ` (linked: ${listOf(actions)})${close === undefined ? "" : `; did you mean ${quote(close)}?`}` +
    ` If it should end here, say so with .end(${quote(action)})`;
  if (scope.strict) {
    const error = new SluiceError("UNKNOWN_ACTION", message);
    scope.locate(error, node, scope.index, 0);
    throw error;
  }
  scope.warn("SLUICE_UNLINKED_ACTION", message, node);
  let seen = warned.get(node);
  if (seen === undefined) warned.set(node, (seen = new Set()));
  const key = action.slice(0, 200);
  if (seen.has(key) || seen.size >= 100) return;
  seen.add(key);
  warn("SLUICE_UNLINKED_ACTION", message);
}
