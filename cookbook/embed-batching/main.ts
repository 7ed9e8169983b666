// The program: read embed-batching.ts first.
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createTwinsFlow, readParagraphs, type Shared } from "./embed-batching.js";

const DEFAULTS = { limit: 1_000, size: 100 };
await program("[globs] [--limit 1000] [--size 100]", DEFAULTS, async ({ words, flags, run }) => {
  const shared: Shared = { paragraphs: await readParagraphs(words, flags.limit) };
  const model = await connect("embed-batching");
  await createTwinsFlow(model, flags.size).run(shared, run);
  console.log(`${shared.paragraphs.length} paragraphs, ${model.calls.gate.stats().started} requests`);
  for (const group of shared.twins?.slice(0, 5) ?? [])
    console.log(`  ${group.length} × ${JSON.stringify(group[0]?.text.slice(0, 60))}`);
});
