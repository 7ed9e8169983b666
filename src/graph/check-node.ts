// What is a node, and are its hooks called by the names that are called here.
import { quote, SluiceError, show } from "../base/errors.js";
import { NODE, type Step } from "../engine/step.js";

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
 * @throws SluiceError `INVALID_NODE` for what is no node, `UNKNOWN_HOOK` for hooks under another library's name.
 */
export function checkNode(
  where: string,
  node: unknown,
  of?: { readonly name: string },
): asserts node is Step {
  const wiring = (node as Partial<Step> | null | undefined)?.[NODE];
  if (wiring === undefined) {
    const place = of === undefined ? where : `${quote(of.name)}${where}`;
    const hint = typeof node === "function" ? "; write `new` before the class" : "";
    throw new SluiceError("INVALID_NODE", `${place}: expected a node or a flow, got ${show(node)}${hint}`);
  }
  if (wiring.checked) return;
  const wrong = misnamedHook(node as Step);
  wiring.checked = wrong === undefined;
  if (wrong === undefined) return;
  throw new SluiceError(
    "UNKNOWN_HOOK",
    `${quote((node as Step).name)} defines \`${wrong}\`, which is never called; write \`${WRONG_HOOKS[wrong]}\`, which may be async`,
  );
}

const checkedClasses = new WeakSet<object>();

/** Looks at a class once, and at what each object has of its own, such as hooks that are arrow functions. */
function misnamedHook(node: object): string | undefined {
  const prototype: object = Object.getPrototypeOf(node);
  if (!checkedClasses.has(prototype)) {
    for (const wrong in WRONG_HOOKS) if (wrong in prototype) return wrong;
    checkedClasses.add(prototype);
  }
  // The methods of a class are not enumerable, so this sees what the object has of its own.
  for (const key in node) if (Object.hasOwn(WRONG_HOOKS, key)) return key;
  return undefined;
}
