// The graph: decide → search → decide → … → answer.
import { Flow } from "sluice";
import type { Library } from "./library.js";
import type { Llm } from "./llm.js";
import { Answer, Decide, Search, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface AgentDeps {
  readonly llm: Llm;
  readonly library: Library;
  /** Milliseconds before a call that failed is tried again. @default 500 */
  readonly backoff?: number;
}

/** Creates the agent. Nothing in the graph ends its loop but the model: run it with `maxSteps`. */
export function createAgentFlow({ llm, library, backoff = 500 }: AgentDeps): Flow<Shared> {
  const decide = new Decide(llm, backoff);
  const search = new Search(library);
  decide.branch({ search, answer: new Answer(llm, backoff) });
  search.next(decide);
  return new Flow(decide, { name: "Agent" });
}
