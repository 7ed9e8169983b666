/**
 * Flows as Mermaid diagrams and as JSON.
 *
 * @module sluice/diagram
 */

export type { FlowGraph, GraphGate, GraphLink, GraphNode, NodeKind } from "./graph.js";
export { toJSON } from "./to-json.js";
export { type MermaidOptions, toMermaid } from "./to-mermaid.js";
