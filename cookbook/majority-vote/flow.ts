// The graph: ask → count, and again as long as the first two answers are level.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Ask, Count, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface VoteDeps {
  readonly llm: Llm;
  /** The most votes that may be asked for, over all rounds. */
  readonly most: number;
}

/** Creates a flow that answers a question by vote; it returns "decided" or "given up". */
export function createVoteFlow({ llm, most }: VoteDeps): Flow<Shared> {
  const ask = new Ask(llm);
  const count = new Count(most);
  ask.next(count);
  count.branch({ decided: null, tied: ask, "given up": null });
  return new Flow(ask, { name: "Vote" });
}
