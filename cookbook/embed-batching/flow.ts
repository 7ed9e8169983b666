// The graph: collect → embed → find twins.
import { Flow } from "sluice";
import type { Embedder } from "./llm.js";
import { Collect, EmbedAll, FindTwins, type Shared } from "./nodes.js";

/** What the flow works with. */
export interface EmbedDeps {
  readonly embedder: Embedder;
  /** How many paragraphs are in hand at once: at least as many as a request carries. */
  readonly concurrency: number;
}

/** Creates a flow that finds paragraphs which say the same. */
export function createEmbedFlow({ embedder, concurrency }: EmbedDeps): Flow<Shared> {
  const collect = new Collect();
  collect.next(new EmbedAll(embedder, concurrency)).next(new FindTwins());
  return new Flow(collect, { name: "Embed" });
}
