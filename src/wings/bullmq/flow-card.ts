// How a flow is known to processes that have made it too.
import { NODE, nameOf, type Step } from "sluice/internal";
import { graphOf } from "../shared/graph.js";

/** The name of a flow, its graph and its version. */
export function cardOf(flow: object) {
  const step = flow as Step;
  const { version } = step[NODE].options as { readonly version?: string | number };
  return {
    graph: graphOf(step),
    flow: nameOf(step),
    version: version === undefined ? null : String(version),
  };
}
