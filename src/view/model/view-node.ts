// The nodes and links of a run's graph, with what happened at them. Types only.
import type { Cut } from "./span.js";

/** A node, with what happened at it. */
export interface ViewNode {
  readonly id: string;
  readonly name: string;
  kind: string;
  readonly path: readonly string[];
  readonly parent: ViewNode | undefined;
  readonly children: ViewNode[];
  start: ViewNode | undefined;
  readonly links: ViewLink[];
  /** What is special about it: limits, gates, attempts. */
  readonly notes: readonly string[];
  readonly stats: NodeStats;
}

export interface NodeStats {
  /** Visits that have begun. */
  visits: number;
  running: number;
  failed: number;
  aborted: number;
  suspended: number;
  /** Visits without an end in the trace, and how they are called. */
  cut: number;
  cutAs: Cut | undefined;
  items: number;
  itemsDone: number;
  itemsFailed: number;
  /** Items that its batches have said there are, where they know it. */
  total: number;
  /** Milliseconds that a batch in progress has left, where it has said so. */
  remaining: number | undefined;
  /** Calls that have ended, and tokens that they charged, where the trace has that. */
  calls: number;
  tokens: number;
  /** Attempts beyond the first of a step or an item. */
  retries: number;
  /** Milliseconds of all visits that have ended. */
  time: number;
}

export interface ViewLink {
  readonly from: ViewNode;
  readonly action: string;
  /** `undefined` ends the flow. */
  readonly to: ViewNode | undefined;
  /** How often it was followed. */
  taken: number;
}
