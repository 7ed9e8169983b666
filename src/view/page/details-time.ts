// The time of a run: its critical path and the queues at its gates.
import type { CriticalPath, PathShare } from "../model/critical-path.js";
import { type GateQueue, queuesOf } from "../model/gate-queue.js";
import type { Span } from "../model/span.js";
import type { ViewNode } from "../model/view-node.js";
import { amount, counted, duration } from "../model/words.js";
import { columnChart, part, since, spanList } from "./details-parts.js";
import { button, el, short } from "./dom.js";
import { stateOf } from "./graph-state.js";
import type { PageState } from "./state.js";

const MOST_NODES = 8;
const MOST_SPANS = 10;
const MOST_GATES = 8;
const COLUMNS = 80;

/** A row with a bar of its share; a click selects the node. */
export function nodeBar(page: PageState, node: ViewNode, share: number, text: string): HTMLElement {
  const choose = button("", "Show the node", () => page.select(undefined, node));
  const meter = el("span", { class: `meter ${stateOf(node)}` });
  meter.style.width = `${Math.max(1, share * 100)}%`;
  choose.replaceChildren(
    el("span", { class: "title" }, short(node.name, 40)),
    el("span", { class: "what" }, text),
    el("span", { class: "track" }, meter),
  );
  return el("li", {}, choose);
}

const percent = (time: number, whole: number): string => `${amount(Math.round((time / whole) * 100))} %`;

function shareText({ time, gate, backoff }: PathShare, whole: number): string {
  const waits = [
    ...(gate > 0 ? [`${duration(gate)} at gates`] : []),
    ...(backoff > 0 ? [`${duration(backoff)} in backoff`] : []),
  ];
  return [`${percent(time, whole)}, ${duration(time)}`, ...waits].join(" · ");
}

/** The nodes on the path with their shares, and its longest spans. */
export function pathParts(page: PageState): Node[] {
  const { path } = page;
  if (path === undefined || path.pieces.length < 2) return [];
  const whole = path.shares.reduce((sum, { time }) => sum + time, 0) || 1;
  const bars = path.shares
    .slice(0, MOST_NODES)
    .map((share) => nodeBar(page, share.node, share.time / whole, shareText(share, whole)));
  const about =
    "From the end backwards: the part that ended last, then what ended last before it began, and so on.";
  const times = longestOf(path);
  return [
    part(
      "Critical path",
      el("p", { class: "notes" }, about),
      el("ul", { class: "bars" }, ...bars),
      el("h4", {}, "Longest on it"),
      spanList(page, [...times.keys()], MOST_SPANS, (span) => {
        const time = times.get(span) ?? 0;
        return `${percent(time, whole)}, ${duration(time)}`;
      }),
    ),
  ];
}

/** The spans of the path by their time on it, longest first. */
function longestOf({ pieces }: CriticalPath): Map<Span, number> {
  const times = new Map<Span, number>();
  for (const { span, start, end } of pieces) times.set(span, (times.get(span) ?? 0) + end - start);
  return new Map([...times].sort(([, a], [, b]) => b - a));
}

/** The number of waiting calls at each gate over time. */
export function queueParts({ run }: PageState): Node[] {
  const queues = queuesOf(run, COLUMNS);
  const rest = queues.length - MOST_GATES;
  return [
    ...queues.slice(0, MOST_GATES).map(queuePart),
    ...(rest > 0 ? [el("p", { class: "more" }, `and ${counted(rest, "more gate")}`)] : []),
  ];
}

function queuePart({ gate, waits, waited, longest, most, mostAt, columns }: GateQueue): HTMLElement {
  const figures = [
    `up to ${amount(most)} waiting at once (${since(mostAt)})`,
    `${counted(waits, "wait")} of ${duration(waited / waits)} on average`,
    `the longest ${duration(longest)}`,
  ];
  const title = gate === "" ? "Queue at an unnamed gate" : `Queue at the gate ${short(gate, 40)}`;
  return part(title, columnChart(columns, "queue"), el("p", { class: "notes" }, figures.join(" · ")));
}
