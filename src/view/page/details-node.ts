// The details of a node: its visits, their durations, and notable spans.
import { factsOf, type NodeFacts } from "../model/node-facts.js";
import { durationOf } from "../model/span.js";
import type { ViewNode } from "../model/view-node.js";
import { amount, counted, duration } from "../model/words.js";
import { columnChart, facts, part, slowest, spanList, state } from "./details-parts.js";
import { el, short, visible } from "./dom.js";
import { kindOf, stateOf, stateText } from "./graph-state.js";
import type { PageState } from "./state.js";

const MOST = 30;

export function nodeDetails(page: PageState, node: ViewNode): Node[] {
  const found = factsOf(page.run, node);
  const { spans, areItems } = found;
  const failures = spans.filter(({ outcome }) => outcome === "failed");
  const parts = [...headOf(page, node), figuresOf(page, node, found)];
  if (spans.length > 1) {
    const title = areItems ? "How long its items took" : "How long its visits took";
    parts.push(part(title, columnChart(found.histogram), rangeOf(found)));
  }
  if (failures.length > 0) {
    const list = spanList(page, failures, MOST, ({ error }) =>
      error ? `${error.name}: ${error.message}` : "",
    );
    parts.push(part(counted(failures.length, "failure"), list));
  }
  if (spans.length > 0) parts.push(spansPart(page, found));
  return parts;
}

function headOf({ model }: PageState, node: ViewNode): Node[] {
  const name = short(node.name, 200);
  const notes = [kindOf(node), ...node.notes].filter(Boolean).join(" · ");
  return [
    el(
      "p",
      { class: "title" },
      name,
      " ",
      model.runs.length > 0 ? state(stateOf(node), stateText(stateOf(node))) : "",
    ),
    el("p", { class: "trail" }, visible(node.path.join(" › "))),
    ...(notes === "" ? [] : [el("p", { class: "notes" }, visible(notes))]),
  ];
}

function figuresOf({ model }: PageState, { stats }: ViewNode, found: NodeFacts): HTMLElement {
  const { spans, areItems, failed, retries, retried, waited, backedOff } = found;
  const unit = areItems ? "item" : "visit";
  // Sums over parallel visits are labelled as such.
  const summed = (name: string) => (spans.length > 1 ? `${name}, sum of ${unit}s` : name);
  const ifAny = (value: number, text: (value: number) => string) => (value > 0 ? text(value) : undefined);
  return facts([
    ["Visits", model.runs.length > 0 ? amount(stats.visits) : undefined],
    [stats.visits > 1 ? "Took, sum of visits" : "Took", ifAny(stats.time, duration)],
    ["Items", areItems ? itemsOf(spans.length, stats.total) : undefined],
    ["Time left", stats.remaining === undefined ? undefined : duration(stats.remaining)],
    ["Failed", ifAny(failed, amount)],
    ["Retries", ifAny(retries, (count) => retriesOf(count, retried, spans.length > 1 ? unit : undefined))],
    [summed("Waited at gates"), ifAny(waited, duration)],
    [summed("Waited for attempts"), ifAny(backedOff, duration)],
  ]);
}

const retriesOf = (retries: number, retried: number, unit: string | undefined): string =>
  unit === undefined ? amount(retries) : `${amount(retries)} in ${counted(retried, unit)}`;

const itemsOf = (begun: number, total: number): string =>
  total > begun ? `${amount(begun)} of ${amount(total)}` : amount(begun);

function rangeOf({ durations: { least, middle, p95, most } }: NodeFacts): HTMLElement {
  const texts = [
    duration(least),
    `half under ${duration(middle)}, 95 % under ${duration(p95)}`,
    duration(most),
  ];
  return el("p", { class: "ends" }, ...texts.map((text) => el("span", {}, text)));
}

function spansPart(page: PageState, { spans, areItems }: NodeFacts): HTMLElement {
  const now = page.run.end;
  const isLong = spans.length > MOST;
  const title = isLong ? "The slowest" : areItems ? "Items" : "Visits";
  const shown = isLong ? slowest(spans, now, MOST) : spans;
  return part(
    title,
    spanList(page, shown, MOST, (span) => duration(durationOf(span, now))),
  );
}
