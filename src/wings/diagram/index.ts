// The public surface of `sluice/diagram`, and nothing else.
export type { FlowGraph, GraphGate, GraphLink, GraphNode, NodeKind } from "./graph.js";
export { toJSON } from "./to-json.js";
export { type MermaidOptions, toMermaid } from "./to-mermaid.js";
