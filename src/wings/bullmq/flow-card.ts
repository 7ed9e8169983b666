// How a flow is known to processes that have made it too.
import { NODE, nameOf, type Step, warn } from "sluice/internal";
import { type Graph, graphOf } from "../shared/graph.js";
import type { FlowForm } from "./protocol.js";

/** A flow that was made here. */
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

/** Whether calls of one can be made with the other. */
export const isSameForm = (a: FlowForm, b: FlowForm): boolean =>
  a.flow === b.flow && a.graph === b.graph && a.version === b.version;

/** What distinguishes one form of a flow from another, for messages. */
export const showForm = ({ flow, graph, version }: FlowForm): string =>
  `${flow} (graph ${graph}, version ${version ?? "none"})`;

/** A worker was offered calls of a graph that it does not have. */
export function warnOfOther(other: string, cards: readonly FlowCard[]): void {
  const own = cards.map(({ form }) => showForm(form)).join(", ");
  const text = `This worker has ${own} and gives back calls of ${other}; start both with the same code`;
  warn("SLUICE_GRAPH_DIFFERS", text);
}
