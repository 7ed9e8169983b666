// The graphs: draw → check, and back with the error until the parser takes it; and that for every section.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Check, Draw, type Drawing, DrawSections, type Shared } from "./nodes.js";
import type { Parse } from "./parser.js";

/** What the flows work with. */
export interface DrawingDeps {
  readonly llm: Llm;
  readonly parse: Parse;
  /** The most diagrams for one text. @default 5 */
  readonly tries?: number;
  /** How many sections are drawn at once. @default 8 */
  readonly concurrency?: number;
}

/** Creates the flow of one diagram. */
export function createDrawingFlow({ llm, parse, tries = 5 }: DrawingDeps): Flow<Drawing> {
  const draw = new Draw(llm);
  const check = new Check(parse, tries);
  draw.next(check).branch({ broken: draw, valid: null, "given up": null });
  return new Flow(draw, { name: "Drawing", strict: true });
}

/** Creates the flow of a whole document. */
export function createDocumentFlow(deps: DrawingDeps): Flow<Shared> {
  return new Flow(new DrawSections(createDrawingFlow(deps), deps.concurrency ?? 8), { name: "Document" });
}
