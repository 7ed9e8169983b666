// The graph: listen → answer → listen, until the user leaves.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Answer, Listen, type Shared, type Terminal } from "./nodes.js";

/** What the flow works with. */
export interface ChatDeps {
  readonly llm: Llm;
  readonly terminal: Terminal;
}

/** Creates the flow of a whole conversation. */
export function createChatFlow({ llm, terminal }: ChatDeps): Flow<Shared> {
  const listen = new Listen(terminal);
  const answer = new Answer(llm, terminal);
  listen.branch({ said: answer, silent: listen, left: null });
  answer.next(listen);
  return new Flow(listen, { name: "Chat" });
}
