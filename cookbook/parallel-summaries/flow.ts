// The graph: list → read → recall → summarise → write.
import { Flow, type Gate } from "sluice";
import { isWorthARetry, type Llm } from "./llm.js";
import {
  ListFiles,
  ReadDocuments,
  Recall,
  type Shared,
  Summarise,
  type Watcher,
  WriteSummaries,
} from "./nodes.js";

/** What the flow works with. */
export interface SummariesDeps {
  readonly llm: Llm;
  /** The vendor's limits. Share it with whatever else calls the same account. */
  readonly gate: Gate;
  /** How many documents are in hand at once. */
  readonly concurrency: number;
  /** Called once it is known what is to be done. */
  readonly onPlan: Watcher;
  /** Called after each summary or failure. */
  readonly onProgress: Watcher;
}

/** Creates a flow that summarises documents and asks only for what its store does not have. */
export function createSummariesFlow(deps: SummariesDeps): Flow<Shared> {
  const list = new ListFiles();
  const read = new ReadDocuments();
  const recall = new Recall(deps.onPlan);
  const summarise = new Summarise(deps, {
    gate: deps.gate,
    concurrency: deps.concurrency,
    attempts: 3,
    backoff: { delay: 500 },
    retryIf: isWorthARetry,
    timeout: 60_000,
  });
  const write = new WriteSummaries();

  list.next(read).next(recall);
  recall.branch({ missing: summarise, complete: write });
  summarise.next(write);
  return new Flow(list, { name: "Summaries" });
}
