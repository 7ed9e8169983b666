// Identifies a flow across processes.
import { NODE, nameOf, type Step, warn } from "sluice/internal";
import { type Graph, graphOf } from "../shared/graph.js";
import type { FlowForm } from "./protocol.js";

/** A flow of this process. */
export interface FlowCard {
  readonly form: FlowForm;
  readonly graph: Graph;
}

/** @throws SluiceError `AMBIGUOUS_NAME`. */
export function cardOf(flow: object): FlowCard {
  const step = flow as Step;
  const { version } = step[NODE].options as { readonly version?: string | number };
  const graph = graphOf(step);
  const form = {
    flow: nameOf(step),
    graph: graph.fingerprint,
    version: version === undefined ? null : String(version),
  };
  return { form, graph };
}

/** Whether two forms are of the same flow. */
export const isSameForm = (a: FlowForm, b: FlowForm): boolean =>
  a.flow === b.flow && a.graph === b.graph && a.version === b.version;

/** Formats a form of a flow for messages. */
export const showForm = ({ flow, graph, version }: FlowForm): string =>
  `${flow} (graph ${graph}, version ${version ?? "none"})`;

/** Warns about calls of a graph that the worker does not have. */
export function warnOfOther(other: string, cards: readonly FlowCard[]): void {
  const own = cards.map(({ form }) => showForm(form)).join(", ");
  const text = `This worker has ${own} and gives back calls of ${other}; start both with the same code`;
  warn("SLUICE_GRAPH_DIFFERS", text);
}
