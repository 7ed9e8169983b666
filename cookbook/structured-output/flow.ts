// The graph: extract → check, and back again with what was wrong.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Check, Extract, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface OrderDeps {
  readonly llm: Llm;
  /** How many answers to a mail are checked before it is given up. @default 3 */
  readonly answers?: number;
}

/** Creates a flow that reads an order out of a mail; it returns "accepted" or "given up". */
export function createOrderFlow({ llm, answers = 3 }: OrderDeps): Flow<Shared> {
  const extract = new Extract(llm);
  const check = new Check(answers);
  extract.next(check);
  check.branch({ accepted: null, refused: extract, "given up": null });
  return new Flow(extract, { name: "Order" });
}
