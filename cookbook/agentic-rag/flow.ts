// The graph: retrieve → judge, and from there to an answer, to another query, or to an honest end.
import { Flow } from "sluice";
import type { Library } from "./library.js";
import type { Llm } from "./llm.js";
import { Answer, GiveUp, Judge, Retrieve, Rewrite, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface AgenticRagDeps {
  readonly llm: Llm;
  readonly library: Library;
  /** How many queries may be looked up. @default 3 */
  readonly tries?: number;
  /** Milliseconds before a call that failed is tried again. @default 500 */
  readonly backoff?: number;
}

/** Creates the flow of one question. */
export function createAgenticRagFlow({
  llm,
  library,
  tries = 3,
  backoff = 500,
}: AgenticRagDeps): Flow<Shared> {
  const retrieve = new Retrieve(library);
  const judge = retrieve.next(new Judge(llm, backoff, tries));
  const rewrite = new Rewrite(llm, backoff);
  judge.branch({
    "enough is known": new Answer(llm, backoff),
    "try other words": rewrite,
    "give up": new GiveUp(),
  });
  rewrite.next(retrieve);
  return new Flow(retrieve, { name: "AgenticRag" });
}
