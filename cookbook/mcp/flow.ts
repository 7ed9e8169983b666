// The graph: list → ask → check → call → ask → …, until the model answers.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Ask, CallTool, Check, ListTools, type Shared } from "./nodes.js";
import type { Tools } from "./tools.js";

/** What the flow works with. */
export interface McpDeps {
  readonly llm: Llm;
  readonly tools: Tools;
  /** Milliseconds before a call to the model that failed is tried again. @default 500 */
  readonly backoff?: number;
}

/** Creates the flow of one question. Run it with `maxSteps`: a model can go on calling for ever. */
export function createMcpFlow({ llm, tools, backoff = 500 }: McpDeps): Flow<Shared> {
  const list = new ListTools(tools);
  const ask = list.next(new Ask(llm, backoff));
  const check = new Check();
  const call = new CallTool(tools);
  ask.branch({ "use a tool": check, answered: null });
  check.branch({ "it fits": call, "it does not fit": ask });
  call.next(ask);
  return new Flow(list, { name: "Mcp" });
}
