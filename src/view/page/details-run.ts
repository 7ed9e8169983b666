// The details of a run: its end, its time by node, its failures and its warnings.
import type { RunModel } from "../model/run-model.js";
import { durationOf } from "../model/span.js";
import type { ViewNode } from "../model/view-node.js";
import { amount, counted, duration } from "../model/words.js";
import { compareParts } from "./details-compare.js";
import { choice, errorPart, facts, part, spanList, state, table } from "./details-parts.js";
import { nodeBar, pathParts, queueParts } from "./details-time.js";
import { button, el, short, visible } from "./dom.js";
import type { PageState } from "./state.js";

const MOST = 30;
const MOST_NODES = 8;
const MOST_RUNS = 12;

const timeOf = ({ stats: { time, visits } }: ViewNode): string =>
  visits > 1 ? `${duration(time)} in ${amount(visits)} visits` : duration(time);

/** The sum over parallel visits may be longer than the run. */
const sumNote = (nodes: readonly ViewNode[]): Node[] =>
  nodes.some(({ stats }) => stats.visits > 1)
    ? [el("p", { class: "notes" }, "Sums over all visits, which may have gone on at the same time.")]
    : [];

function warningsPart({ run: { warnings } }: PageState): Node[] {
  if (warnings.length === 0) return [];
  const rows = warnings
    .slice(0, MOST)
    .map(({ path, message }) =>
      el("li", {}, el("strong", {}, short(path, 80)), " ", visible(short(message, 400))),
    );
  return [part(counted(warnings.length, "warning"), el("ul", { class: "warnings" }, ...rows))];
}

/** The runs of a page with several runs, failed ones first. */
function runsPart(page: PageState): Node[] {
  const { runs } = page;
  if (runs.length < 2) return [];
  const failed = runs.filter(({ root }) => root.outcome === "failed");
  const rest = runs.filter(({ root }) => root.outcome !== "failed");
  const lines = [...failed, ...rest].slice(0, MOST_RUNS).map((run) => {
    const { root, graph, end } = run;
    const why = root.error === undefined ? "" : `${root.error.name}: ${root.error.message}`;
    const what = root.outcome === "failed" ? why : `${root.outcome}, ${duration(durationOf(root, end))}`;
    return choice(root.outcome, graph.root.name, what, () => page.showRun(run));
  });
  if (runs.length > MOST_RUNS)
    lines.push(el("li", { class: "more" }, `and ${amount(runs.length - MOST_RUNS)} more`));
  const title = `${counted(runs.length, "run")}, ${amount(failed.length)} failed`;
  return [part(title, el("ul", { class: "spans" }, ...lines))];
}

const RESUMED = "This run was resumed. What it had done before is not in this trace.";

const resumedNote = ({ before }: RunModel): Node[] =>
  before.calls > 0 ? [el("p", { class: "notes" }, RESUMED)] : [];

/** The charges by node. */
function tokensPart({ run }: PageState): Node[] {
  const nodes = run.graph.nodes.filter(({ stats }) => stats.calls > 0);
  if (run.tokens === 0) return [];
  const rows = nodes
    .sort((a, b) => b.stats.tokens - a.stats.tokens)
    .slice(0, MOST)
    .map(({ name, stats }) => [short(name, 40), amount(stats.calls), amount(stats.tokens)]);
  const { before } = run;
  if (before.calls > 0) rows.push(["Before it was resumed", amount(before.calls), amount(before.tokens)]);
  const all = ["All", amount(run.calls), amount(run.tokens)];
  return [part("Tokens", table(["Node", "Calls", "Tokens"], [...rows, all]))];
}

/** Reads the store of a run on demand: it may have thousands of changes. */
function storePart(page: PageState): Node[] {
  const { run } = page;
  if (run.stores.isEmpty) return [];
  return [
    part(
      "Store",
      button("What the run changed", "Show the store", () => page.select(run.root)),
    ),
  ];
}

export function runDetails(page: PageState): Node[] {
  const { run } = page;
  const { root, graph, failures, pauses } = run;
  if (root.kind === "run" && page.model.runs.length === 0) {
    const about = "The graph of a flow. Choose a node to read what is known of it.";
    return [el("p", { class: "title" }, short(graph.root.name, 200)), el("p", { class: "notes" }, about)];
  }
  const busy = graph.nodes
    .filter(({ children, stats }) => children.length === 0 && stats.time > 0)
    .sort((a, b) => b.stats.time - a.stats.time);
  const most = busy[0]?.stats.time ?? 1;
  const bars = busy
    .slice(0, MOST_NODES)
    .map((node) => nodeBar(page, node, node.stats.time / most, timeOf(node)));
  return [
    el("p", { class: "title" }, short(graph.root.name, 200), " ", state(root.outcome)),
    facts([
      ["Run", run.id],
      ["Started", run.time === undefined ? undefined : new Date(run.time).toLocaleString("en-GB")],
      ["Took", duration(durationOf(root, run.end))],
      ["Action", root.action],
      ["Attempts", amount(run.attempts)],
      ["Pauses of gates", pauses.length > 0 ? amount(pauses.length) : undefined],
      ["Graph", graph.given ? undefined : "as far as it was seen; the trace has none"],
    ]),
    ...resumedNote(run),
    ...compareParts(page),
    ...(root.error === undefined || root.outcome === "suspended" ? [] : [errorPart(root.error)]),
    ...(root.outcome === "suspended"
      ? [part("Suspended", el("p", { class: "notes" }, visible(root.error?.message ?? "")))]
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
    ...runsPart(page),
    ...tokensPart(page),
    ...storePart(page),
    ...(busy.length > 0
      ? [part("Where the time went", el("ul", { class: "bars" }, ...bars), ...sumNote(busy))]
      : []),
    ...pathParts(page),
    ...queueParts(page),
    ...warningsPart(page),
  ];
}
