// The graph: look → recall, where there is more than the window holds → answer → remember.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import type { Memory } from "./memory.js";
import { Answer, Look, Recall, type RecallOptions, Remember, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface MemoryChatDeps extends Partial<RecallOptions> {
  readonly llm: Llm;
  readonly memory: Memory;
}

/** Creates the flow of one exchange. */
export function createMemoryChatFlow({
  llm,
  memory,
  window = 3,
  recall = 2,
  likeness = 0.25,
}: MemoryChatDeps): Flow<Shared> {
  const look = new Look(memory, window);
  const find = new Recall(llm, memory, { window, recall, likeness });
  const answer = new Answer(llm);

  look.branch({ "there is more": find, "that is all": answer });
  find.next(answer).next(new Remember(llm, memory));
  return new Flow(look, { name: "MemoryChat", strict: true });
}
