// How a node of the graph stands, in a word and in a line below its name.
import type { ViewNode } from "../model/view-node.js";
import { amount, counted, duration } from "../model/words.js";

export type NodeState = "idle" | "running" | "done" | "failed" | "aborted";

export function stateOf({ stats }: ViewNode): NodeState {
  if (stats.visits === 0) return "idle";
  if (stats.running > 0) return "running";
  if (stats.failed > 0) return "failed";
  return stats.aborted > 0 ? "aborted" : "done";
}

export function lineOf(node: ViewNode): string {
  const { visits, running, items, itemsDone, itemsFailed, total, remaining, time } = node.stats;
  if (visits === 0) return "not reached";
  const parts: string[] = [];
  if (items > 0) {
    const ended = itemsDone + itemsFailed;
    const all = counted(Math.max(items, total), "item");
    parts.push(ended >= Math.max(items, total) && running === 0 ? all : `${amount(ended)} of ${all}`);
    if (itemsFailed > 0) parts.push(`${amount(itemsFailed)} failed`);
  } else if (visits > 1) parts.push(`${amount(visits)}×`);
  if (running > 0 && remaining !== undefined) parts.push(`${duration(remaining)} left`);
  else parts.push(running > 0 && time === 0 ? "running" : duration(time));
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

/** The kind in words; nothing for an ordinary node. */
export const kindOf = ({ kind }: ViewNode): string =>
  Object.hasOwn(KINDS, kind) ? (KINDS[kind] as string) : "";
