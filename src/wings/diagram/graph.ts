// The graph of a flow as data, the result of `toJSON`. Types only.
import type { Rate } from "sluice";

/** The kind of a node; a custom class has the kind of the class that it extends. */
export type NodeKind =
  | "node"
  | "batch"
  | "parallelBatch"
  | "flow"
  | "batchFlow"
  | "parallelBatchFlow"
  | "parallel";

/** A flow and all nodes that it can reach, as plain JSON. */
export interface FlowGraph {
  /** The version of the format; changes only incompatibly. */
  readonly version: 1;
  /** The name of the flow. */
  readonly name: string;
  /** The flow itself and every node in it: flow by flow from the outside in, each in the order of a walk. */
  readonly nodes: readonly GraphNode[];
  /** The links, node by node in the order of their creation. */
  readonly links: readonly GraphLink[];
}

/** A node at one place; the same object in two flows has two entries. Defaults are omitted. */
export interface GraphNode {
  /** Identifies the place; see {@link toJSON}. */
  readonly id: string;
  readonly name: string;
  readonly kind: NodeKind;
  /** Names from the outermost flow to the node, as in events and in `locate()`, but without iterations. */
  readonly path: readonly string[];
  /** The id of the flow or `parallel` that contains it; absent for the outermost flow. */
  readonly parent?: string;
  /** The id of a flow's first node. */
  readonly start?: string;
  /** The ids of the branches of a `parallel`, in order. */
  readonly branches?: readonly string[];
  /** What a `parallel` waits for. */
  readonly until?: "all" | "any" | "settled";
  /** The id of the outer place where the nodes of a recursive flow are listed. */
  readonly repeats?: string;
  /** The maximum of items in flight of the parallel kinds; `null` for no limit. */
  readonly concurrency?: number | null;
  readonly onError?: "collect";
  /** Total attempts, if more than one. */
  readonly attempts?: number;
  /** Milliseconds per attempt. */
  readonly timeout?: number;
  readonly requires?: readonly string[];
  /** Its gate, and its own `rate` as a gate without a name. */
  readonly gates?: readonly GraphGate[];
}

/** A gate of a node. */
export interface GraphGate {
  readonly name?: string;
  /** The maximum of calls in flight; absent if there is no limit. */
  readonly concurrency?: number;
  readonly rate?: Rate;
}

/** A link from a node by an action. */
export interface GraphLink {
  readonly from: string;
  readonly action: string;
  /** The id of the next node; `null` ends the flow on purpose. */
  readonly to: string | null;
}
