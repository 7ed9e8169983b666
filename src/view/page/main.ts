// The page of a run: assembles its parts.
import { RunModel } from "../model/run-model.js";
import { durationOf, placeOf } from "../model/span.js";
import type { TraceModel } from "../model/trace-model.js";
import { duration } from "../model/words.js";
import { Details } from "./details.js";
import { el, short } from "./dom.js";
import { GraphView } from "./graph-view.js";
import { Header } from "./header.js";
import { helpDialog } from "./help.js";
import { followLink } from "./link.js";
import { followTrace, loadTrace } from "./load.js";
import { PageState } from "./state.js";
import { Timeline } from "./timeline.js";
import { nextFailure } from "./timeline-keys.js";

/**
 * Shows a trace.
 *
 * @param beside - Another trace, to compare its runs.
 * @returns The state of the page, and its header.
 */
function show(model: TraceModel, beside?: TraceModel): { state: PageState; header: Header } {
  const state = new PageState(model, model.runs[0] ?? graphOnly(model), beside);
  const help = helpDialog();
  const header = new Header(state, () => help.showModal());
  const graph = new GraphView(state);
  const details = new Details(state);
  const said = el("div", { class: "said", role: "status" });
  const isRun = model.runs.length > 0;
  const main = el("main", { class: isRun ? "" : "graph-only" }, graph.element);
  if (isRun) main.append(new Timeline(state).element);
  main.append(details.element);
  document.body.replaceChildren(header.element, main, said, help);
  addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || typing || help.open) return;
    if (event.key === "Escape") state.select(undefined);
    else if (event.key === "?") help.showModal();
    else if (event.key === "/") {
      event.preventDefault();
      details.element.querySelector("input")?.focus();
    } else if (event.key === "f" || event.key === "F") {
      const span = nextFailure(state);
      if (span !== undefined) state.select(span);
    }
  });
  state.onChange((change) => {
    const { span, run } = state;
    if (change !== "selection" || span === undefined) return;
    said.textContent = short(
      `${placeOf(span)}, ${span.outcome}, ${duration(durationOf(span, run.end))}`,
      200,
    );
  });
  followLink(state);
  return { state, header };
}

/** The placeholder of a run if there is only a graph. */
function graphOnly({ graphs }: TraceModel): RunModel {
  const [graph] = graphs.values();
  const run = new RunModel({ type: "warning", runId: "none", path: ["no run"], at: 0 }, graph);
  Object.assign(run.graph.root.stats, { visits: 0, running: 0 });
  return run;
}

async function start(): Promise<void> {
  if (!document.documentElement.hasAttribute("data-live")) {
    show(await loadTrace());
    return;
  }
  const waiting = el("p", { class: "waiting" }, "Waiting for the run to begin…");
  document.body.append(waiting);
  let shown: ReturnType<typeof show> | undefined;
  let status: { text: string; state: "on" | "off" } = { text: "live", state: "on" };
  followTrace({
    onLines(model, beside) {
      if (model.runs.length === 0) return;
      if (shown?.state.model === model && shown.state.beside === beside) shown.state.grow();
      else shown = show(model, beside);
      shown.header.showLive(status.text, status.state);
    },
    onState(text, state) {
      status = { text, state };
      if (shown === undefined) waiting.textContent = state === "on" ? "Waiting for the run to begin…" : text;
      else shown.header.showLive(text, state);
    },
  });
}

start().catch((error: unknown) => {
  document.body.replaceChildren(
    el("p", { class: "waiting" }, `This page could not be shown: ${String(error)}`),
  );
});
