// The two graphs: one makes the index, now and then; the other answers from it, at any time.
import { chain, Flow, type Gate } from "sluice";
import type { Llm } from "./llm.js";
import {
  Answer,
  type AskShared,
  Chunk,
  Embed,
  EmbedQuestion,
  type IndexShared,
  Load,
  Retrieve,
} from "./nodes.js";

/** What both flows work with. */
export interface RagDeps {
  readonly llm: Llm;
  /** The limits of the vendor's embeddings. Both flows pass it: they use the same account. */
  readonly gate: Gate;
  /** Milliseconds before a call that failed is tried again. @default 500 */
  readonly backoff?: number;
}

/** Offline: load → chunk → embed. */
export function createIndexFlow({ llm, gate, backoff = 500 }: RagDeps): Flow<IndexShared> {
  const load = new Load();
  load.next(chain(new Chunk(), new Embed(llm, gate, backoff)));
  return new Flow(load, { name: "Index" });
}

/** What answering works with besides. */
export interface AskDeps extends RagDeps {
  /** How many passages the model is shown. @default 4 */
  readonly count?: number;
  /** What is less like the question than this is not worth showing. @default 0.25 */
  readonly least?: number;
}

/** Online: embed the question → retrieve → answer; where nothing is near, the model is not asked. */
export function createAskFlow({
  llm,
  gate,
  backoff = 500,
  count = 4,
  least = 0.25,
}: AskDeps): Flow<AskShared> {
  const embedQuestion = new EmbedQuestion(llm, gate, backoff);
  const retrieve = embedQuestion.next(new Retrieve(count, least));
  retrieve.on("found", new Answer(llm, backoff)).end("nothing found");
  return new Flow(embedQuestion, { name: "Ask" });
}
