// The graph: read → translate → write, and nothing to write where nothing was translated.
import { Flow, type Gate } from "sluice";
import { isWorthARetry, type Llm } from "./llm.js";
import { ReadDocument, type Shared, Translate, WriteFiles } from "./nodes.js";

/** What the flow works with. */
export interface TranslateDeps {
  readonly llm: Llm;
  /** The vendor's: with or without limits of its own, it pauses all calls when the vendor answers 429. */
  readonly gate: Gate;
  /** How many calls at once; with 1 they go one after another. */
  readonly concurrency: number;
  /** The most letters of one call. @default 4_000 */
  readonly letters?: number;
  /** Milliseconds before a failed call goes again. @default 500 */
  readonly backoff?: number;
}

/** Creates the flow that translates one document into many languages. */
export function createTranslateFlow(deps: TranslateDeps): Flow<Shared> {
  const { llm, gate, concurrency, letters = 4_000, backoff = 500 } = deps;
  const read = new ReadDocument(letters);
  const translate = new Translate(llm, {
    concurrency,
    gate,
    attempts: 3,
    backoff: { delay: backoff },
    retryIf: isWorthARetry,
    timeout: 120_000,
  });
  read.next(translate).branch({ translated: new WriteFiles(), "nothing translated": null });
  return new Flow(read, { name: "Translations" });
}
