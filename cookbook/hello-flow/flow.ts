// The graph: one node.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Answer, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface HelloDeps {
  readonly llm: Llm;
}

/** Creates a flow that answers one question. */
export function createHelloFlow({ llm }: HelloDeps): Flow<Shared> {
  return new Flow(new Answer(llm), { name: "Hello" });
}
