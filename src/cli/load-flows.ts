// Finds the flows among the exports of a module.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Flow } from "sluice";
import { WALK } from "sluice/internal";
import { show } from "../base/errors.js";
import { nearest } from "../base/nearest.js";
import { called } from "./called.js";
import { quoted, UsageError } from "./io.js";
import { loadModule } from "./load-module.js";

export interface NamedFlow {
  readonly name: string;
  readonly flow: Flow;
}

/**
 * Loads the flows of a module.
 *
 * @param only - The name of one export.
 * @param makes - Whether to call an exported `createFlow()`.
 * @throws UsageError, Failure
 */
export async function loadFlows(path: string, only: string | undefined, makes = false): Promise<NamedFlow[]> {
  const file = resolve(path);
  if (!existsSync(file))
    throw new UsageError("a module", quoted(path), "There is no such file; check its path.");
  const exported = exportsOf(await loadModule(file, path));
  const { createFlow } = exported;
  if (makes && only === undefined && typeof createFlow === "function") {
    const flow = await called(() => createFlow(), `createFlow() of ${path}`);
    if (isFlow(flow)) return [{ name: "createFlow", flow }];
    throw new UsageError(`createFlow() of ${path} to give a flow`, show(flow), "Return a flow.");
  }
  const flows = Object.entries(exported)
    .filter((entry): entry is [string, Flow] => isFlow(entry[1]))
    .map(([name, flow]) => ({ name, flow }));
  if (only !== undefined) {
    const chosen = flows.filter(({ name }) => name === only);
    if (chosen.length > 0) return chosen;
    const names = flows.map(({ name }) => name);
    const close = nearest(only, names);
    const advice =
      close === undefined ? `Its flows are: ${names.join(", ") || "none"}.` : `Did you mean ${close}?`;
    throw new UsageError(`an export of ${path} that is a flow`, quoted(only), advice);
  }
  if (flows.length === 0) {
    const names = Object.keys(exported).join(", ") || "none";
    const makers = Object.keys(exported).filter((name) => typeof exported[name] === "function");
    const advice =
      makers.length === 0
        ? "Export one: export const flow = new Flow(firstNode);"
        : `Call what makes one, without its dependencies: --call ${makers[0]}`;
    throw new UsageError(`${path} to export a flow`, `the exports ${names}`, advice);
  }
  // A flow that is exported twice, by name and as default, is one flow.
  return flows.filter(({ flow }, i) => flows.findIndex((other) => other.flow === flow) === i);
}

/** The exports by name; those of a CommonJS module may be in its default export. */
export function exportsOf(module: Record<string, unknown>): Record<string, unknown> {
  const { default: first, "module.exports": common, ...named } = module;
  const inside = typeof first === "object" && first !== null && !isFlow(first) ? first : {};
  return { ...inside, ...named, ...(isFlow(first) && { default: first }) };
}

export const isFlow = (value: unknown): value is Flow =>
  typeof value === "object" && value !== null && WALK in value;
