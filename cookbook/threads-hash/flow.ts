// The graph: one node. In threads or on the main thread, it is the same.
import { Flow } from "sluice";
import { type Shared, type Stretch, StretchAll } from "./nodes.js";

/** What the flow works with. */
export interface HashDeps {
  readonly stretch: Stretch;
  /** How many passwords are in hand at once. */
  readonly concurrency: number;
}

/** Creates a flow that stretches passwords. */
export function createHashFlow({ stretch, concurrency }: HashDeps): Flow<Shared> {
  return new Flow(new StretchAll(stretch, { concurrency }), { name: "Hash" });
}
