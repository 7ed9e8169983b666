// The graph: read → map → reduce.
import { chain, Flow } from "sluice";
import type { Llm } from "./llm.js";
import { FindFacts, Rank, ReadResumes, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface RankingDeps {
  readonly llm: Llm;
}

/** Creates a flow that ranks the applicants for a job. */
export function createRankingFlow({ llm }: RankingDeps): Flow<Shared> {
  return new Flow(chain(new ReadResumes(), new FindFacts(llm), new Rank()), { name: "Ranking" });
}
