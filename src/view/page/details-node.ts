// All about one node: how often it was visited, how long that took, and what in it is worth a look.
import { factsOf } from "../model/node-facts.js";
import { durationOf } from "../model/span.js";
import type { ViewNode } from "../model/view-node.js";
import { amount, counted, duration } from "../model/words.js";
import { facts, part, slowest, spanList, state } from "./details-parts.js";
import { el, short, svg, visible } from "./dom.js";
import { kindOf, stateOf } from "./graph-state.js";
import type { PageState } from "./state.js";

const MOST = 30;

export function nodeDetails(page: PageState, node: ViewNode): Node[] {
  const { run } = page;
  const now = run.end;
  const found = factsOf(run, node);
  const { spans, areItems, failed, retried, durations, waited, backedOff } = found;
  const { stats } = node;
  const failures = spans.filter(({ outcome }) => outcome === "failed");
  const kind = kindOf(node);
  return [
    el(
      "p",
      { class: "title" },
      short(node.name, 200),
      " ",
      page.model.runs.length > 0 ? state(stateOf(node)) : "",
    ),
    el("p", { class: "trail" }, visible(node.path.join(" › "))),
    ...(kind === "" && node.notes.length === 0
      ? []
      : [el("p", { class: "notes" }, visible([kind, ...node.notes].filter(Boolean).join(" · ")))]),
    facts([
      ["Visits", page.model.runs.length > 0 ? amount(stats.visits) : undefined],
      ["Time in all visits", stats.time > 0 ? duration(stats.time) : undefined],
      ["Items", areItems ? amount(spans.length) : undefined],
      ["Failed", failed > 0 ? amount(failed) : undefined],
      ["Tried again", retried > 0 ? amount(retried) : undefined],
      ["Waited at gates", waited > 0 ? duration(waited) : undefined],
      ["Waited for attempts", backedOff > 0 ? duration(backedOff) : undefined],
    ]),
    ...(spans.length > 1
      ? [
          part(
            areItems ? "How long its items took" : "How long its visits took",
            histogram(found.histogram),
            el(
              "p",
              { class: "ends" },
              el("span", {}, duration(durations.least)),
              el(
                "span",
                {},
                `half under ${duration(durations.middle)}, 95 % under ${duration(durations.p95)}`,
              ),
              el("span", {}, duration(durations.most)),
            ),
          ),
        ]
      : []),
    ...(failures.length > 0
      ? [
          part(
            counted(failures.length, "failure"),
            spanList(page, failures, MOST, ({ error }) =>
              error === undefined ? "" : `${error.name}: ${error.message}`,
            ),
          ),
        ]
      : []),
    ...(spans.length > 0
      ? [
          part(
            spans.length > MOST ? "The slowest" : areItems ? "Items" : "Visits",
            spanList(page, spans.length > MOST ? slowest(spans, now, MOST) : spans, MOST, (span) =>
              duration(durationOf(span, now)),
            ),
          ),
        ]
      : []),
  ];
}

function histogram(counts: readonly number[]): SVGElement {
  const most = Math.max(...counts, 1);
  const [width, height] = [320, 56];
  const wide = width / counts.length;
  const bars = counts.map((count, i) => {
    const tall = count === 0 ? 0 : Math.max(1.5, (count / most) * height);
    return svg("rect", { x: i * wide, y: height - tall, width: wide - 1, height: tall });
  });
  return svg(
    "svg",
    {
      class: "histogram",
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    ...bars,
  );
}
