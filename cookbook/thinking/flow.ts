// The graph: think, think on, conclude, check; an answer that is wrong is thought about again.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Check, type Shared, Think } from "./nodes.js";

/** What the flow works with. */
export interface ThinkingDeps {
  readonly llm: Llm;
}

/** Creates the flow of one puzzle; its last action is `right` or `out of thoughts`. */
export function createThinkingFlow({ llm }: ThinkingDeps): Flow<Shared> {
  const think = new Think(llm);
  const check = new Check();
  think.branch({ "think on": think, conclude: check, "out of thoughts": null });
  check.branch({ wrong: think, right: null, "out of thoughts": null });
  return new Flow(think, { name: "Thinking" });
}
