// A text summary of a run.
import type { RunModel } from "../view/model/run-model.js";
import { durationOf, placeOf } from "../view/model/span.js";
import { counted, duration } from "../view/model/words.js";

const MOST_NODES = 10;
const MOST_FAILURES = 5;

export function summaryOf(run: RunModel): string {
  const { root, graph, items, steps, attempts, failures, failed: all, warnings, pauses } = run;
  const state =
    root.outcome === "running" || root.outcome === "unfinished" ? "not ended in this trace" : root.outcome;
  const lines = [
    `${graph.root.name} · run ${run.id} · ${state} · ${duration(durationOf(root, run.end))}`,
    `  ${[counted(steps, "step"), counted(items, "item"), counted(attempts, "attempt"), counted(pauses.length, "pause"), counted(warnings.length, "warning")].join(", ")}`,
  ];
  const busy = graph.nodes
    .filter(({ children, stats }) => children.length === 0 && stats.visits > 0)
    .sort((a, b) => b.stats.time - a.stats.time)
    .slice(0, MOST_NODES);
  const width = Math.max(0, ...busy.map(({ path }) => inside(path).length));
  for (const { path, stats } of busy) {
    const items = stats.items === 0 ? "" : `, ${counted(stats.items, "item")}`;
    const failed =
      stats.itemsFailed + stats.failed === 0 ? "" : `, ${stats.itemsFailed || stats.failed} failed`;
    const retries =
      stats.retries === 0 ? "" : `, ${stats.retries === 1 ? "1 retry" : `${stats.retries} retries`}`;
    const sum = stats.visits > 1 ? "sum of " : ""; // they may have been concurrent
    const time = duration(stats.time).padStart(8);
    lines.push(
      `  ${inside(path).padEnd(width)}  ${time}  ${sum}${counted(stats.visits, "visit")}${items}${failed}${retries}`,
    );
  }
  for (const span of failures.slice(0, MOST_FAILURES)) {
    const { name, message } = span.error ?? { name: "Error", message: "" };
    const text = `${name}: ${message}`.split("\n", 1)[0] as string;
    lines.push(`  failed: ${placeOf(span)}: ${text.length > 100 ? `${text.slice(0, 100)}…` : text}`);
  }
  if (all > MOST_FAILURES) lines.push(`  and ${all - MOST_FAILURES} more failures`);
  return `${lines.map(printable).join("\n")}\n`;
}

/** A path without the outermost flow. */
const inside = (path: readonly string[]): string => (path.length > 1 ? path.slice(1) : path).join(" › ");

const printable = (text: string): string => text.replace(/\p{Cc}/gu, "\ufffd");
