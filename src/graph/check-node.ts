// Checks that a value is a node and that its hooks have the names of this library.

import { quote, SluiceError, show } from "../base/errors.js";
import { MIDDLE, NODE, WALK } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { isOneSlip } from "../base/nearest.js";
import type { Step } from "../engine/step.js";

/** Hooks of PocketFlow, and their names here. */
export const WRONG_HOOKS: Readonly<Record<string, string>> = {
  prepAsync: "prep",
  execAsync: "exec",
  execFallbackAsync: "execFallback",
  postAsync: "post",
  prep_async: "prep",
  exec_async: "exec",
  exec_fallback: "execFallback",
  exec_fallback_async: "execFallback",
  post_async: "post",
};

/**
 * @param of - The node of the method `where`; its name is read only for a message, because that costs more than the
 * check.
 * @throws SluiceError `INVALID_NODE` if the value is not a node, `UNKNOWN_HOOK` for hooks under another library's name.
 */
export function checkNode(
  where: string,
  node: unknown,
  of?: { readonly name: string },
): asserts node is Step {
  const wiring = (node as Partial<Step> | null | undefined)?.[NODE];
  if (wiring === undefined) {
    const place = of === undefined ? where : `${quote(nameOf(of))}${where}`;
    const hint = typeof node === "function" ? "; write `new` before the class" : "";
    throw new SluiceError("INVALID_NODE", `${place}: expected a node or a flow, got ${show(node)}${hint}`);
  }
  if (wiring.checked) return;
  const wrong = misnamedHook(node as Step);
  wiring.checked = wrong === undefined;
  if (wrong === undefined) return;
  const { name, right } = wrong;
  const keep = Object.hasOwn(WRONG_HOOKS, name) ? "" : "; a helper needs a name that is less similar";
  throw new SluiceError(
    "UNKNOWN_HOOK",
    `${quote(nameOf(node as Step))} defines \`${name}\`, which is never called; write \`${right}\`, which may be async${keep}`,
  );
}

const leafHooks = ["prep", "exec", "execFallback", "post", "cost"];
const flowHooks = ["prep", "post", "execFallback", "cost"];

/** The hooks of a node's class, derived from its options. */
function hooksOf(node: Step): readonly string[] {
  const { takes } = node[NODE];
  if ("until" in takes) return ["prep", "post"];
  const hooks = WALK in node ? flowHooks : leafHooks;
  if (!("onError" in takes)) return hooks;
  return [...hooks, "onResult", ...(WALK in node ? ["fork", "join"] : [])];
}

/** All hooks, and the fields of sluice's classes. */
const known = new Set([...leafHooks, "onResult", "fork", "join", "start", "branches", "until"]);

/** Common words that look like a hook but are plausible names of methods. */
const WORDS = new Set(
  "cast coast coin cosy cot fort form folk host john joint last lost most past peep pest poet poor port pose pot pre prop work".split(
    " ",
  ),
);

interface Wrong {
  readonly name: string;
  readonly right: string;
}

const checkedClasses = new WeakSet<object>();

/** Checks each class once, and the own properties of each object, such as hooks that are arrow functions. */
function misnamedHook(node: Step): Wrong | undefined {
  const prototype: object = Object.getPrototypeOf(node);
  if (!checkedClasses.has(prototype)) {
    const wrong = misnamedIn(methodsOf(prototype), node);
    if (wrong !== undefined) return wrong;
    checkedClasses.add(prototype);
  }
  // Methods of a class are not enumerable, so this lists own properties.
  let methods: string[] | undefined;
  for (const key in node) if (!known.has(key) && isMethod(node, key)) (methods ??= []).push(key);
  return methods && misnamedIn(methods, node);
}

const isMethod = (object: object, key: string): boolean =>
  typeof Object.getOwnPropertyDescriptor(object, key)?.value === "function";

/** The methods of the user's classes, from the class of a node up to the class of sluice. */
function methodsOf(prototype: object): string[] {
  const methods: string[] = [];
  for (
    let each = prototype;
    each !== null && !Object.hasOwn(each, MIDDLE);
    each = Object.getPrototypeOf(each)
  ) {
    for (const key of Object.getOwnPropertyNames(each)) if (isMethod(each, key)) methods.push(key);
  }
  return methods;
}

/**
 * The first method that is a hook of another library or a misspelt hook; the latter only if the hook itself is missing,
 * because otherwise it is a helper.
 */
function misnamedIn(methods: readonly string[], node: Step): Wrong | undefined {
  const hooks = hooksOf(node);
  let defined: readonly string[] | undefined;
  for (const name of methods) {
    if (Object.hasOwn(WRONG_HOOKS, name)) return { name, right: WRONG_HOOKS[name] as string };
    if (known.has(name) || WORDS.has(name)) continue;
    const right = hooks.find((hook) => isOneSlip(name, hook) || (name === "onItem" && hook === "onResult"));
    if (right === undefined) continue;
    defined ??= [...methodsOf(Object.getPrototypeOf(node)), ...Object.getOwnPropertyNames(node)];
    if (!defined.includes(right)) return { name, right };
  }
  return undefined;
}
