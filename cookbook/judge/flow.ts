// The graph: write → judge → revise, until it is good enough or out of tries.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Judge, type Shared, Write } from "./nodes.js";

/** Who writes and who judges; a model is a mild judge of its own work, so take two. */
export interface CommissionDeps {
  readonly writer: Llm;
  readonly judge: Llm;
}

/** Creates the flow of one text; its last action says how it ended. */
export function createCommissionFlow(deps: CommissionDeps): Flow<Shared> {
  const write = new Write(deps.writer);
  const judge = new Judge(deps.judge);
  write.next(judge);
  judge.branch({ revise: write, "good enough": null, "out of tries": null });
  return new Flow(write, { name: "Commission" });
}
