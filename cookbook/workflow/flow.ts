// The graph: outline → write sections → style.
import { chain, Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Outline, type Shared, Style, WriteSections } from "./nodes.js";

/** What the flow works with. */
export interface ArticleDeps {
  readonly llm: Llm;
}

/** Creates a flow that makes an article of notes. */
export function createArticleFlow({ llm }: ArticleDeps): Flow<Shared> {
  return new Flow(chain(new Outline(llm), new WriteSections(llm), new Style(llm)), { name: "Article" });
}
