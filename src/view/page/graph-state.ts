// The state of a node in the graph: a word, and a line below its name.
import type { Outcome } from "../model/span.js";
import type { ViewNode } from "../model/view-node.js";
import { amount, counted, duration } from "../model/words.js";

/** `"partial"`: done, with failed items or failed visits. */
export type NodeState = "idle" | "partial" | Outcome;

export function stateOf({ stats }: ViewNode): NodeState {
  if (stats.visits === 0) return "idle";
  const { visits, running, failed, aborted, suspended, cut, cutAs, itemsFailed } = stats;
  if (running > 0) return "running";
  const done = visits - failed - aborted - suspended - cut;
  if (failed > 0) return done > 0 ? "partial" : "failed";
  if (suspended > 0) return "suspended";
  if (cut > 0) return cutAs ?? "unfinished";
  if (aborted > 0) return "aborted";
  return itemsFailed > 0 ? "partial" : "done";
}

export function lineOf(node: ViewNode): string {
  const { visits, running, failed, items, itemsDone, itemsFailed, total, remaining, time } = node.stats;
  if (visits === 0) return "not reached";
  const parts: string[] = [];
  if (items > 0) {
    const ended = itemsDone + itemsFailed;
    const count = Math.max(items, total);
    // In the line of a running batch with failures there is no space for the word.
    const all = running > 0 && itemsFailed > 0 ? amount(count) : counted(count, "item");
    parts.push(ended >= count && running === 0 ? all : `${amount(ended)} of ${all}`);
    if (itemsFailed > 0) parts.push(`${amount(itemsFailed)} failed`);
  } else if (visits > 1) {
    parts.push(`${amount(visits)}×`);
    if (failed > 0) parts.push(`${amount(failed)} failed`);
  }
  if (running > 0 && remaining !== undefined) parts.push(`${duration(remaining)} left`);
  else parts.push(running > 0 && time === 0 ? "running" : `${visits > 1 ? "Σ " : ""}${duration(time)}`);
  return parts.join(" · ");
}

const KINDS: Readonly<Record<string, string>> = {
  batch: "batch",
  parallelBatch: "parallel batch",
  flow: "flow",
  batchFlow: "batch flow",
  parallelBatchFlow: "parallel batch flow",
  parallel: "parallel",
};

/** The kind in words; empty for an ordinary node. */
/** A state in words. */
export const stateText = (state: NodeState): string => (state === "partial" ? "done with failures" : state);

export const kindOf = ({ kind }: ViewNode): string =>
  Object.hasOwn(KINDS, kind) ? (KINDS[kind] as string) : "";
