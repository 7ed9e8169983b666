// The graph, which contains itself: a question's research is search → notes → research of the next questions.
import { Flow, Gate } from "sluice";
import type { Corpus } from "./corpus.js";
import type { Llm } from "./llm.js";
import { Report, Research, Search, type Shared, TakeNotes } from "./nodes.js";

/** What the flow works with. */
export interface ResearchDeps {
  readonly llm: Llm;
  readonly corpus: Corpus;
  /** Holds for all calls of all levels together, however wide the tree becomes. @default 4 calls at once */
  readonly gate?: Gate;
}

/** Creates the flow of one question and all that follow from it. */
export function createResearchFlow({
  llm,
  corpus,
  gate = new Gate({ concurrency: 4 }),
}: ResearchDeps): Flow<Shared> {
  const search = new Search(corpus);
  const notes = new TakeNotes(llm, gate);
  const research = new Research(search);
  search.branch({ found: notes, "nothing there": null });
  notes.branch({ "dig deeper": research, "deep enough": null });

  // Only the outermost research is followed by the report, so it gets a flow around it, which can be linked.
  const all = new Flow(research, { name: "All" });
  all.next(new Report(llm, gate));
  return new Flow(all, { name: "DeepResearch" });
}
