// The graph of one beat: probe → compare → tell, or nothing to tell.
import { Flow } from "sluice";
import { type Announce, Compare, Probe, type Shared, Tell } from "./nodes.js";

/** What the flow works with. */
export interface BeatDeps {
  readonly announce: Announce;
  /** Milliseconds that an address has to answer. @default 5_000 */
  readonly timeout?: number;
}

/** Creates the flow of a beat. One flow object serves all beats. */
export function createBeatFlow({ announce, timeout = 5_000 }: BeatDeps): Flow<Shared> {
  const probe = new Probe(timeout);
  const compare = new Compare();
  probe.next(compare);
  compare.branch({ changed: new Tell(announce), "as before": null });
  return new Flow(probe, { name: "Beat" });
}
