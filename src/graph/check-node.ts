// What is a node, and are its hooks called by the names that are called here.

import { quote, SluiceError, show } from "../base/errors.js";
import { MIDDLE, NODE, WALK } from "../base/keys.js";
import { nameOf } from "../base/name.js";
import { isOneSlip } from "../base/nearest.js";
import type { Step } from "../engine/step.js";

/** Hooks of PocketFlow, and what they are called here. */
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
 * @param of - The node that `where` is a method of, for its name costs more than the check.
 * @throws SluiceError `INVALID_NODE` for what is not a node, `UNKNOWN_HOOK` for hooks under another library's name.
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
  const keep = Object.hasOwn(WRONG_HOOKS, name)
    ? ""
    : "; a method of your own needs a name that is less alike";
  throw new SluiceError(
    "UNKNOWN_HOOK",
    `${quote(nameOf(node as Step))} defines \`${name}\`, which is never called; write \`${right}\`, which may be async${keep}`,
  );
}

const leafHooks = ["prep", "exec", "execFallback", "post", "cost"];
const flowHooks = ["prep", "post", "execFallback", "cost"];

/** The hooks that the class of a node has, as the options that it takes show. */
function hooksOf(node: Step): readonly string[] {
  const { takes } = node[NODE];
  if ("until" in takes) return ["prep", "post"];
  const hooks = WALK in node ? flowHooks : leafHooks;
  if (!("onError" in takes)) return hooks;
  return [...hooks, "onResult", ...(WALK in node ? ["fork", "join"] : [])];
}

/** All hooks, and the fields of our own classes. */
const known = new Set([...leafHooks, "onResult", "fork", "join", "start", "branches", "until"]);

/** Words that a method may well be called by, though they look like a hook. */
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

/** Looks at a class once, and at what each object has of its own, such as hooks that are arrow functions. */
function misnamedHook(node: Step): Wrong | undefined {
  const prototype: object = Object.getPrototypeOf(node);
  if (!checkedClasses.has(prototype)) {
    const wrong = misnamedIn(methodsOf(prototype), node);
    if (wrong !== undefined) return wrong;
    checkedClasses.add(prototype);
  }
  // The methods of a class are not enumerable, so this sees what the object has of its own.
  let methods: string[] | undefined;
  for (const key in node) if (!known.has(key) && isMethod(node, key)) (methods ??= []).push(key);
  return methods && misnamedIn(methods, node);
}

const isMethod = (object: object, key: string): boolean =>
  typeof Object.getOwnPropertyDescriptor(object, key)?.value === "function";

/** What the user's own classes define, from the class of a node up to the one of sluice. */
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
 * The first method that is a hook of another library, or one slip away from a hook; the latter only where the hook itself
 * is missing, for else it is a helper.
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
