// The graph: draft → review → publish, and back to the draft as often as the person rejects.
import { Flow, type Gate } from "sluice";
import type { Llm } from "./llm.js";
import { Draft, Publish, Review, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface ApprovalDeps {
  readonly llm: Llm;
  /** The vendor's. Only drafting goes through it, so drafts that wait for a person are in nobody's way. */
  readonly gate: Gate;
  /** The folder to publish in. */
  readonly folder: string;
  /** Milliseconds before a failed call to the model goes again. @default 500 */
  readonly backoff?: number;
}

/** Creates the flow of one announcement. One object serves any number of them at the same time. */
export function createApprovalFlow({ llm, gate, folder, backoff = 500 }: ApprovalDeps): Flow<Shared> {
  const draft = new Draft(llm, { gate, attempts: 3, backoff: { delay: backoff }, timeout: 60_000 });
  const review = new Review();
  const publish = new Publish(folder);
  draft.next(review);
  review.branch({ approved: publish, rejected: draft, edited: publish });
  return new Flow(draft, { name: "Approval" });
}
