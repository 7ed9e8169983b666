// The name of a node, even if its class misuses `name`.
import { NODE } from "./keys.js";

/** An object with a name. */
export interface Named {
  readonly name: string;
}

const isName = (value: unknown): value is string => typeof value === "string" && value !== "";

/** The name of a class; `"node"` if its static `name` is not a string. */
export function classNameOf(ofClass: unknown): string {
  const name = (ofClass as { readonly name?: unknown } | null | undefined)?.name;
  return isName(name) ? name : "node";
}

/**
 * The name of a node, for errors, events and diagrams. If a class defines a `name` that is not a string (a field
 * without a value, a method, a number, a getter that throws), the name in the options or the class name is used.
 */
export function nameOf(node: Named): string {
  try {
    const { name } = node;
    if (isName(name)) return name;
  } catch {
    // An error of the user's getter is ignored.
  }
  try {
    const wiring = (node as { readonly [NODE]?: { readonly name?: unknown } })[NODE];
    return isName(wiring?.name) ? wiring.name : classNameOf(node.constructor);
  } catch {
    return "node";
  }
}
