// Two runs side by side: the figures of each node in both.
import type { RunModel } from "./run-model.js";
import { durationOf, type Span } from "./span.js";
import type { ViewNode } from "./view-node.js";
import { amount } from "./words.js";

/** The figures of a node in one run. Times are milliseconds. */
export interface Figures {
  /** The number of its items if it has any, otherwise of its visits. */
  readonly count: number;
  readonly areItems: boolean;
  /** The total of all visits. */
  readonly total: number;
  /** The median of an item or a visit. */
  readonly median: number;
  /** Items or visits that failed. */
  readonly failed: number;
  readonly tokens: number;
}

/** A node in two runs; `undefined` if a run did not reach it. */
export interface Compared {
  readonly name: string;
  readonly path: string;
  readonly one: Figures | undefined;
  readonly other: Figures | undefined;
}

/**
 * Compares two runs: first as wholes, then node by node, the largest difference of time first. Nodes are matched by
 * their places in the graph.
 */
export function compareRuns(one: RunModel, other: RunModel): Compared[] {
  const [left, right] = [figuresByPlace(one), figuresByPlace(other)];
  const nodes: Compared[] = [];
  for (const [place, { node }] of new Map([...right, ...left])) {
    const [a, b] = [left.get(place)?.figures, right.get(place)?.figures];
    nodes.push({ name: node.name, path: node.path.join(" › "), one: a, other: b });
  }
  const apart = ({ one, other }: Compared) => Math.abs((one?.total ?? 0) - (other?.total ?? 0));
  const { name } = one.graph.root;
  return [
    { name, path: "", one: wholeOf(one), other: wholeOf(other) },
    ...nodes.sort((a, b) => apart(b) - apart(a)),
  ];
}

/** A run as one visit of its flow, with all its failures and charges. */
function wholeOf({ root, end, failed, tokens }: RunModel): Figures {
  const total = durationOf(root, end);
  return { count: 1, areItems: false, total, median: total, failed, tokens };
}

/** The figures of all nodes that were reached, except the flow itself, by place. */
function figuresByPlace(run: RunModel): Map<string, { node: ViewNode; figures: Figures }> {
  const spansOf = new Map<ViewNode, { items: Span[]; visits: Span[] }>();
  for (const span of run.spans.values()) {
    if (span.kind === "attempt" || span.kind === "run") continue;
    let spans = spansOf.get(span.node);
    if (spans === undefined) spansOf.set(span.node, (spans = { items: [], visits: [] }));
    (span.kind === "item" ? spans.items : spans.visits).push(span);
  }
  const places = new Map<string, { node: ViewNode; figures: Figures }>();
  const times = new Map<string, number>();
  for (const node of run.graph.nodes) {
    // Without the root, because the flow of another run may have another name; nodes of one name are distinguished by
    // order.
    const path = JSON.stringify(node.path.slice(1));
    const nth = (times.get(path) ?? 0) + 1;
    times.set(path, nth);
    const spans = spansOf.get(node);
    if (spans !== undefined) places.set(`${nth} ${path}`, { node, figures: figuresOf(node, spans, run.end) });
  }
  return places;
}

function figuresOf(
  { stats }: ViewNode,
  { items, visits }: { items: readonly Span[]; visits: readonly Span[] },
  now: number,
): Figures {
  const areItems = items.length > 0;
  const spans = areItems ? items : visits;
  const durations = spans.map((span) => durationOf(span, now)).sort((a, b) => a - b);
  return {
    count: spans.length,
    areItems,
    total: visits.reduce((sum, span) => sum + durationOf(span, now), 0),
    median: durations[Math.floor(durations.length / 2)] ?? 0,
    failed: spans.filter(({ outcome }) => outcome === "failed").length,
    tokens: stats.tokens,
  };
}

/** Formats the difference of two figures, with its share. */
export function difference(one: number, other: number, say: (value: number) => string = amount): string {
  if (one === other) return "same";
  const sign = one > other ? "+" : "−";
  const share = other === 0 ? "" : ` (${sign}${amount(Math.round((Math.abs(one - other) / other) * 100))} %)`;
  return `${sign}${say(Math.abs(one - other))}${share}`;
}
