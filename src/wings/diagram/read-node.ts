// Reads one node, by the symbols that every build of sluice shares.
import type { BaseNode, Gate, GateOptions, Params } from "sluice";
import { SluiceError } from "sluice";
import { NODE, nameOf, quote, type Step, show, WALK } from "sluice/internal";
import type { GraphGate, GraphNode, NodeKind } from "./graph.js";

/** A node as the diagrams see it. */
export type Seen = Step & {
  readonly start?: Seen;
  readonly branches?: readonly Seen[];
  readonly until?: NonNullable<GraphNode["until"]>;
};

/** @throws SluiceError `INVALID_NODE` if the value is not a flow. */
export function checkFlow(where: string, flow: unknown): asserts flow is Seen {
  if (isNode(flow) && WALK in flow) return;
  const got = isNode(flow) ? `the node ${quote(nameOf(flow))}` : show(flow);
  const hint = isNode(flow)
    ? `wrap the first node: ${where}(new Flow(node))`
    : typeof flow === "function"
      ? "write `new` before the class"
      : `give it what you call run() on, such as ${where}(new Flow(firstNode))`;
  throw new SluiceError("INVALID_NODE", `${where}(): expected a flow, got ${got}; ${hint}`);
}

const isNode = (value: unknown): value is Seen & BaseNode =>
  typeof value === "object" && value !== null && NODE in value;

/** Finds the kind by the options that the class takes, which a subclass cannot change. */
export function kindOf(node: Seen): NodeKind {
  const { takes = {} } = node[NODE];
  if ("until" in takes) return "parallel";
  if (WALK in node)
    return "concurrency" in takes ? "parallelBatchFlow" : "onError" in takes ? "batchFlow" : "flow";
  return "concurrency" in takes ? "parallelBatch" : "onError" in takes ? "batch" : "node";
}

/** The options of a node, without defaults. */
export function detailsOf(node: Seen, kind: NodeKind): Partial<GraphNode> {
  const { settings, requires } = node[NODE];
  const options = node[NODE].options as Params;
  const { concurrency = 16 } = options;
  return {
    ...(kind === "parallel" && { until: node.until ?? "all" }),
    ...(kind.startsWith("parallelBatch") && {
      concurrency: Number.isFinite(concurrency) ? concurrency : null,
    }),
    ...(options.onError === "collect" && { onError: "collect" }),
    ...(settings.attempts > 1 && { attempts: settings.attempts }),
    ...(settings.timeout !== undefined && { timeout: settings.timeout }),
    ...(requires !== undefined && requires.length > 0 && { requires: [...requires] }),
    ...(settings.gates.length > 0 && { gates: (settings.gates as unknown as Gate[]).map(gateOf) }),
  };
}

function gateOf({ options = {} }: { readonly options?: GateOptions }): GraphGate {
  const { name, rate } = options;
  const concurrency = typeof options.concurrency === "object" ? options.concurrency.max : options.concurrency;
  return {
    ...(name !== undefined && { name }),
    ...(concurrency !== undefined && Number.isFinite(concurrency) && { concurrency }),
    ...(rate !== undefined && { rate: { ...rate } }),
  };
}
