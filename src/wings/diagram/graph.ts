// The graph of a flow as data: what `toJSON` gives. Types only.
import type { Rate } from "sluice";

/** What a node is; a class of your own counts as the class that it extends. */
export type NodeKind =
  | "node"
  | "batch"
  | "parallelBatch"
  | "flow"
  | "batchFlow"
  | "parallelBatchFlow"
  | "parallel";

/** A flow and all that it can reach, as plain JSON. */
export interface FlowGraph {
  /** Of this format; it changes when a reader of the old one would go wrong. */
  readonly version: 1;
  /** The name of the flow. */
  readonly name: string;
  /** The flow itself, and then every node inside: flow by flow from the outside in, each in the order of a walk. */
  readonly nodes: readonly GraphNode[];
  /** In the order in which they were made, node by node. */
  readonly links: readonly GraphLink[];
}

/** A node at one place; the same object inside two flows has two entries. What is default is left out. */
export interface GraphNode {
  /** Names the place; {@link toJSON} says what it depends on. */
  readonly id: string;
  readonly name: string;
  readonly kind: NodeKind;
  /** Names from the outermost flow to the node, as in events and in `locate()`, which also have iterations. */
  readonly path: readonly string[];
  /** The id of the flow, or of the `parallel`, that it is in; the outermost flow has none. */
  readonly parent?: string;
  /** Of a flow: the id of its first node. */
  readonly start?: string;
  /** Of a `parallel`: the ids of its branches, in order. */
  readonly branches?: readonly string[];
  /** Of a `parallel`: what it waits for. */
  readonly until?: "all" | "any" | "settled";
  /** Of a flow inside itself: the id of the place around it where its nodes are listed. */
  readonly repeats?: string;
  /** Of the parallel kinds: the most items in flight; `null` for no limit. */
  readonly concurrency?: number | null;
  readonly onError?: "collect";
  /** Total tries, where there is more than one. */
  readonly attempts?: number;
  /** Milliseconds for each attempt. */
  readonly timeout?: number;
  readonly requires?: readonly string[];
  /** Its shared gate, and its own `rate` as a gate without a name. */
  readonly gates?: readonly GraphGate[];
}

/** What limits a node. */
export interface GraphGate {
  readonly name?: string;
  /** The most calls in flight; left out where there is no limit. */
  readonly concurrency?: number;
  readonly rate?: Rate;
}

/** Where an action leads. */
export interface GraphLink {
  readonly from: string;
  readonly action: string;
  /** The id of the next node; `null` ends the flow on purpose. */
  readonly to: string | null;
}
