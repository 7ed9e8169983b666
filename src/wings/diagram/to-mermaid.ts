// toMermaid: the graph of a flow as a Mermaid flowchart, in syntax that GitHub renders too.
import type { BaseNode, Rate } from "sluice";
import { checkOptions, hash, oneOf, type Rule } from "sluice/internal";
import type { FlowGraph, GraphGate, GraphNode, NodeKind } from "./graph.js";
import { label } from "./label.js";
import { checkFlow } from "./read-node.js";
import { graphOf } from "./to-json.js";

/** The options of {@link toMermaid}. */
export interface MermaidOptions {
  /** The direction of the arrows: right or down. @default "LR" */
  readonly direction?: "LR" | "TD" | undefined;
}

const rules: Record<string, Rule> = { direction: oneOf("LR", "TD") };

/** The brackets of each shape. A flow has them only if it is not drawn as a box. */
const shapes: Readonly<Record<NodeKind, readonly [string, string]>> = {
  node: ["[", "]"],
  batch: ["[[", "]]"],
  parallelBatch: ["{{", "}}"],
  parallel: ["{{", "}}"],
  flow: ["[/", "/]"],
  batchFlow: ["[/", "/]"],
  parallelBatchFlow: ["[/", "/]"],
};

const flowTitles: Partial<Record<NodeKind, string>> = {
  flow: "flow",
  batchFlow: "batch flow",
  parallelBatchFlow: "parallel batch flow",
};

/**
 * Draws a flow as a Mermaid flowchart: a flow is a box around its nodes, a batch has double sides, a parallel node is a
 * hexagon, and dotted arrows lead to the branches of a `parallel`. Arrows are labelled with their action, except
 * `"default"`. Gates and the concurrency are below the name.
 *
 * Names and actions are escaped. The ids in the text derive from those of {@link toJSON}, so a diagram in version
 * control changes only where the flow did.
 *
 * @throws SluiceError `INVALID_NODE` if the value is not a flow, `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 * import { toMermaid } from "sluice/diagram";
 *
 * const draft = node({ name: "Draft" });
 * const review = node({ name: "Review", post: () => "again" as const });
 * draft.next(review).on("again", draft);
 * toMermaid(new Flow(draft, { name: "Essay" })).includes('flow_Review -->|"again"| flow_Draft'); // => true
 * ```
 */
export function toMermaid(flow: BaseNode, options: MermaidOptions = {}): string {
  checkFlow("toMermaid", flow);
  checkOptions("toMermaid()", options, rules);
  const { direction = "LR" } = options;
  const graph = graphOf(flow);
  const parents = new Map(graph.nodes.map(({ id, parent }) => [id, parent]));
  const lines = [`flowchart ${direction}`, ...boxes(graph, parents, direction), ...arrows(graph, parents)];
  return `${lines.join("\n")}\n`;
}

/** The id of the parent of each node. */
type Parents = ReadonlyMap<string, string | undefined>;

const indented = (depth: number, line: string): string => `${"  ".repeat(Math.min(depth, 20))}${line}`;

/** The nodes, and each flow as a box around its own. */
function boxes({ nodes, links }: FlowGraph, parents: Parents, direction: string): string[] {
  const lines: string[] = [];
  const children = childrenOf(nodes);
  const endings = new Set(links.flatMap(({ from, to }) => (to === null ? [parents.get(from)] : [])));
  // A stack instead of recursion, because flows may be nested deeply; a text on it is the end of a box.
  const stack: { depth: number; part: GraphNode | string }[] = [{ depth: 1, part: nodes[0] as GraphNode }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { depth, part } = top;
    if (typeof part === "string") {
      lines.push(indented(depth, part));
      continue;
    }
    const isBox = part.start !== undefined;
    if (isBox) {
      lines.push(...boxHead(part, depth, direction));
      stack.push({ depth, part: "end" });
      if (endings.has(part.id)) stack.push({ depth: depth + 1, part: `${markOf(part.id)}_end_(["end"])` });
    } else {
      const [open, close] = shapes[part.kind];
      const text = [label(part.name), ...notesOf(part)].join("<br/>");
      lines.push(indented(depth, `${markOf(part.id)}${open}"${text}"${close}`));
    }
    const parts = children.get(part.id) ?? [];
    for (const child of [...parts].reverse()) stack.push({ depth: isBox ? depth + 1 : depth, part: child });
  }
  return lines;
}

function childrenOf(nodes: readonly GraphNode[]): Map<string | undefined, GraphNode[]> {
  const children = new Map<string | undefined, GraphNode[]>();
  for (const node of nodes) {
    const siblings = children.get(node.parent);
    if (siblings === undefined) children.set(node.parent, [node]);
    else siblings.push(node);
  }
  return children;
}

/**
 * The head of a box. A title has one line, because some versions draw over a second one; the notes are on the first
 * node.
 */
function boxHead(flow: GraphNode, depth: number, direction: string): string[] {
  const id = markOf(flow.id);
  return [
    indented(depth, `subgraph ${id}["${label(flow.name)} · ${flowTitles[flow.kind]}"]`),
    indented(depth + 1, `direction ${direction === "TD" ? "TB" : direction}`), // older versions know no TD here
    indented(depth + 1, `${id}_start_(["${["start", ...notesOf(flow)].join("<br/>")}"])`),
  ];
}

function arrows({ nodes, links }: FlowGraph, parents: Parents): string[] {
  const lines: string[] = [];
  for (const { id, start, branches = [] } of nodes) {
    if (start !== undefined) lines.push(`${markOf(id)}_start_ --> ${markOf(start)}`);
    for (const branch of branches) lines.push(`${markOf(id)} -.-> ${markOf(branch)}`);
  }
  for (const { from, action, to } of links) {
    const arrow = action === "default" ? "-->" : `-->|"${label(action)}"|`;
    const end = to === null ? `${markOf(parents.get(from) as string)}_end_` : markOf(to);
    lines.push(`${markOf(from)} ${arrow} ${end}`);
  }
  return lines.map((line) => indented(1, line));
}

/** A unique id for Mermaid that is no word of its syntax. */
function markOf(id: string): string {
  const parts = id.split("/").slice(1);
  const simple = parts.map((part) => {
    const letters = part.replace(/[^A-Za-z0-9]/g, "");
    return letters === part && part !== "" ? part : `${letters.slice(0, 20)}__${hash(part)}`;
  });
  return ["flow", ...simple].join("_");
}

/** The notes below a name: the node's special options and its gates. */
function notesOf({ kind, repeats, until, branches, concurrency, gates = [] }: GraphNode): string[] {
  const notes = [
    ...(repeats === undefined ? [] : [`${flowTitles[kind]}, as around it`]),
    ...(kind === "batch" ? ["one by one"] : []),
    ...(until === undefined ? [] : [`${until} of ${branches?.length}`]),
    ...(concurrency === undefined ? [] : [`${amount(concurrency ?? "all")} at once`]),
  ];
  return [...notes.map(label), ...gates.map(gateText)];
}

function gateText({ name, concurrency, rate }: GraphGate): string {
  const limits = [
    ...(concurrency === undefined ? [] : [`${amount(concurrency)} at once`]),
    ...(rate === undefined ? [] : [rateText(rate)]),
  ];
  const title = name === undefined ? "gate" : `gate ${label(name)}`;
  return limits.length === 0 ? title : `${title}${label(`: ${limits.join(", ")}`)}`;
}

function rateText({ requests, tokens, per }: Rate): string {
  const amounts = [
    ...(requests === undefined ? [] : [`${amount(requests)} ${requests === 1 ? "request" : "requests"}`]),
    ...(tokens === undefined ? [] : [`${amount(tokens)} ${tokens === 1 ? "token" : "tokens"}`]),
  ];
  return `${amounts.join(" and ")} / ${per < 1_000 ? `${per} ms` : `${amount(per / 1_000)} s`}`;
}

/** Formats a number with thousands separators. */
const amount = (value: number | string): string => value.toLocaleString("en");
