// The program: read invoice.ts first. Without a folder it makes PDFs, some of them wrong.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createInvoiceFlow, type Shared } from "./invoice.js";
import { rowsOf } from "./pdf.js";
import { makeSamples } from "./samples.js";

await program("[folder]", {}, async ({ words: [given], run }) => {
  const folder = given ?? (await makeSamples(mkdtempSync(join(tmpdir(), "invoices-"))));
  const shared: Shared = { folder, accepted: [], forAPerson: [] };
  await createInvoiceFlow(await connect("invoice"), rowsOf).run(shared, run);
  const { accepted, forAPerson } = shared;
  if (accepted.length + forAPerson.length === 0)
    throw new UsageError(`Expected PDFs in "${folder}", got none.`);
  console.log(`\nAccepted: ${accepted.length} of ${folder}`);
  for (const { file, invoice } of accepted)
    console.log(`  ${file}  ${invoice.number}  ${invoice.date}  ${invoice.total} ${invoice.currency}`);
  console.log(`\nFor a person: ${forAPerson.length}`);
  for (const { file, problems } of forAPerson) console.log(`  ${file}  ${problems.join("; ")}`);
  if (forAPerson.some(({ failed }) => failed)) process.exitCode = 1;
});
