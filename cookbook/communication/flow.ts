// The graph: take → count → add → tell → take, until no text is left. The store of the flow is the sum of the parts.
import { Flow } from "sluice";
import { AddToStatistics, CountText, TakeText, Tell } from "./nodes.js";
import { type Counted, type InHand, type Measured, none, type Queue } from "./store.js";

/** The store of a run. */
export interface Shared extends Queue, InHand, Counted, Measured {}

/** Creates the store of a run. */
export const createShared = (files: readonly string[]): Shared => ({ files: [...files], statistics: none });

/** What the flow works with. */
export interface StatisticsDeps {
  /** Is told of each text once it is counted. */
  readonly onCount: (shared: Readonly<Shared>) => void;
}

/** Creates a flow that counts texts one by one, and measures them all. */
export function createStatisticsFlow({ onCount }: StatisticsDeps): Flow<Shared> {
  const take = new TakeText<Shared>();
  const count = new CountText<Shared>();
  const add = new AddToStatistics<Shared>();
  take.branch({ taken: count, "none left": null });
  count.next(add).next(new Tell<Shared>(onCount)).next(take);
  return new Flow(take, { name: "Statistics" });
}
