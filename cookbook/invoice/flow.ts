// The graph: for each PDF read → extract → validate, and back to extract once; then look for doubles.
import { Flow, type Gate } from "sluice";
import type { Llm } from "./llm.js";
import { EachPdf, Extract, FindDoubles, ReadPdf, type Shared, Validate } from "./nodes.js";

/** What the flow works with. */
export interface InvoiceDeps {
  readonly llm: Llm;
  /** The vendor's limits. Share it with whatever else calls the same account. */
  readonly gate: Gate;
  /** How many PDFs are in hand at once. @default 16 */
  readonly concurrency?: number;
}

/** Creates a flow that sorts the invoices of a folder into those that add up and those for a person. */
export function createInvoiceFlow({ llm, gate, concurrency = 16 }: InvoiceDeps): Flow<Shared> {
  const readPdf = new ReadPdf();
  const extract = new Extract(llm, gate);
  const validate = new Validate();
  readPdf.next(extract).next(validate);
  validate.branch({ "read it again": extract, "adds up": null, "for a person": null });

  const eachPdf = new EachPdf(readPdf, concurrency);
  eachPdf.next(new FindDoubles());
  return new Flow(eachPdf, { name: "Invoices" });
}
