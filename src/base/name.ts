// What a node is called, whatever a class has made of its `name`.
import { NODE } from "./keys.js";

/** What has a name, or should have. */
export interface Named {
  readonly name: string;
}

const isName = (value: unknown): value is string => typeof value === "string" && value !== "";

/** The name of a class; `"node"` for one whose static `name` is no name. */
export function classNameOf(ofClass: unknown): string {
  const name = (ofClass as { readonly name?: unknown } | null | undefined)?.name;
  return isName(name) ? name : "node";
}

/**
 * The name of a node, for errors, events and diagrams. A class may have a `name` of its own that is no name: a field
 * without a value, a method, a number, a getter that throws. Then it is the `name` of the options, or the class name.
 */
export function nameOf(node: Named): string {
  try {
    const { name } = node;
    if (isName(name)) return name;
  } catch {
    // The getter belongs to the user's class, and says nothing.
  }
  try {
    const wiring = (node as { readonly [NODE]?: { readonly name?: unknown } })[NODE];
    return isName(wiring?.name) ? wiring.name : classNameOf(node.constructor);
  } catch {
    return "node";
  }
}
