// The graphs: the worker is a flow of its own, and one node of the flow that checks it.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Check, Close, Decide, LookUp, type Shared, Supervise, Write } from "./nodes.js";

/** What the flows work with. */
export interface SupervisorDeps {
  readonly llm: Llm;
  /** How many drafts the worker may write before a person is called. @default 4 */
  readonly drafts?: number;
  /** Milliseconds before a call that failed is tried again. @default 500 */
  readonly backoff?: number;
}

/** The worker: decide → look up → decide → … → write. Its last action is "drafted". */
function createWorker(llm: Llm, backoff: number): Flow<Shared> {
  const decide = new Decide(llm, backoff);
  const lookUp = new LookUp();
  decide.branch({ "look up": lookUp, write: new Write(llm, backoff).end("drafted") });
  lookUp.next(decide);
  return new Flow(decide, { name: "Worker" });
}

/** The worker, a check that costs nothing, a supervisor, and the two ways in which a case can end. */
export function createSupervisorFlow({ llm, drafts = 4, backoff = 500 }: SupervisorDeps): Flow<Shared> {
  const worker = createWorker(llm, backoff);
  const check = new Check(drafts);
  const supervise = new Supervise(llm, drafts, backoff);
  const person = new Close("handed over");
  worker.on("drafted", check);
  check.branch({ approved: supervise, "send it back": worker, "call a person": person });
  supervise.branch({ approved: new Close("approved"), "send it back": worker, "call a person": person });
  return new Flow(worker, { name: "Supervisor" });
}
