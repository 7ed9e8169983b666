// The program: read scanned-pdfs.ts first. Without a folder it makes PDFs to read.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { pagesOf } from "./pdf.js";
import { makeSamples } from "./samples.js";
import { createScanFlow, type Shared } from "./scanned-pdfs.js";

await program("[folder] [--out pages.json]", { out: "pages.json" }, async ({ words, flags, run }) => {
  const folder = words[0] ?? (await makeSamples(mkdtempSync(join(tmpdir(), "scans-"))));
  const shared: Shared = { folder, pages: [], unread: [] };
  const { pages, unread } = shared;
  try {
    await createScanFlow(await connect("scanned-pdfs"), pagesOf).run(shared, run);
  } finally {
    writeFileSync(flags.out, JSON.stringify({ pages, unread }, null, 2)); // paid results are kept
  }
  if (pages.length + unread.length === 0) throw new UsageError(`Expected PDFs in "${folder}", got none.`);
  console.log(`${pages.length} pages are in ${flags.out}. For a person to look at: ${unread.length}`);
  for (const { file, page, problem } of unread) console.log(`  ${file}, page ${page}: ${problem}`);
  if (unread.some(({ failed }) => failed)) process.exitCode = 1;
});
