// The graph: sum → rank.
import { chain, Flow } from "sluice";
import { RankProducts, type Shared, SumSales, type SumTools } from "./nodes.js";

/** Creates a flow that sums the sales of a file of any size. */
export function createSalesFlow(deps: SumTools): Flow<Shared> {
  return new Flow(chain(new SumSales(deps), new RankProducts()), { name: "Sales" });
}
