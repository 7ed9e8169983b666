// The program: read parallel-summaries.ts first.
import { resolve } from "node:path";
import { openJournal } from "sluice/journal";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import * as summaries from "./parallel-summaries.js";

const DEFAULTS = { limit: 300, out: "summaries.json", fresh: false };
await program("[globs] [--limit 300] [--out file] [--fresh]", DEFAULTS, async ({ words, flags, run }) => {
  const output = resolve(flags.out);
  summaries.readOutput(output); // a file of another program is refused, before any work
  const files = await summaries.findFiles(words, flags.limit);
  const flow = summaries.createSummariesFlow(await connect("parallel-summaries"));
  await using journal = await openJournal(`${output}.journal.db`);
  const { runId, shared } = await summaries.startOf(journal, files, output, flags.fresh);
  const keep = () => shared.entries && summaries.writeOutput(shared);
  await flow.run(shared, { ...run, journal, runId }).finally(keep);
  const failed = summaries.outcomesOf(shared).filter(({ error }) => error && !error.startsWith("Skipped"));
  for (const { file, error } of failed) console.error(`${file}: ${error}`);
  if (failed.length > 0) process.exitCode = 1;
  console.log(`Wrote ${flags.out}: ${files.length} documents, ${failed.length} failed.`);
});
