// The graph: remember → answer. One flow object serves all rooms of all visitors at once.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Answer, Remember, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface ChatDeps {
  readonly llm: Llm;
  /** How many letters of a conversation the model is given. @default 24_000 */
  readonly memory?: number;
}

/** Creates the flow of one answer. */
export function createChatFlow({ llm, memory = 24_000 }: ChatDeps): Flow<Shared> {
  const remember = new Remember(memory);
  remember.next(new Answer(llm));
  return new Flow(remember, { name: "Chat" });
}
