// The nodes and links of a run's graph, with their statistics. Types only.
import type { Cut } from "./span.js";

/** A node with its statistics. */
export interface ViewNode {
  readonly id: string;
  readonly name: string;
  kind: string;
  readonly path: readonly string[];
  readonly parent: ViewNode | undefined;
  readonly children: ViewNode[];
  start: ViewNode | undefined;
  readonly links: ViewLink[];
  /** Its notes: limits, gates, attempts. */
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
  /** Visits without an end in the trace, and their state. */
  cut: number;
  cutAs: Cut | undefined;
  items: number;
  itemsDone: number;
  itemsFailed: number;
  /** The reported number of items of its batches, if known. */
  total: number;
  /** The reported remaining milliseconds of a batch in progress. */
  remaining: number | undefined;
  /** Ended calls, and their charged tokens, if the trace has these. */
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
