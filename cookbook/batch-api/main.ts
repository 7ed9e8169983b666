// The program: read batch-api.ts first. You can stop it at any time: the next start waits for the same batch.
import { openJournal } from "sluice/journal";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { BatchApi, createBatchFlow, readDocuments, runIdOf, type Shared } from "./batch-api.js";

const DEFAULTS = { limit: 20, poll: 30, journal: "batch.db" };
const USAGE = "[globs] [--limit 20] [--poll 30] [--journal file]";

await program(USAGE, DEFAULTS, async ({ words, flags: { limit, poll, journal: path }, run }) => {
  const documents = await readDocuments(words, limit);
  const shared: Shared = { documents, summaries: {} };
  const model = await connect("batch-api");
  await using journal = await openJournal(path);
  const executor = new BatchApi(model, process.env.OPENAI_API_KEY ? poll * 1_000 : 200);
  await createBatchFlow(executor).run(shared, { ...run, journal, runId: runIdOf(documents) });
  for (const { file } of documents) console.log(file, shared.summaries[file]);
  if (Object.values(shared.summaries).some(({ error }) => error)) process.exitCode = 1;
});
