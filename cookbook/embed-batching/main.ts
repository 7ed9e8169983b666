// The program: read embed-batching.ts first.
import { readFileSync } from "node:fs";
import { glob } from "tinyglobby";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createTwinsFlow, type Shared } from "./embed-batching.js";

await program("[globs] [--limit 1000] [--size 100]", { limit: 1_000, size: 100 }, async (start) => {
  const globs = start.words.length > 0 ? start.words : ["node_modules/*/README.md"];
  const paragraphs = (await glob(globs)).sort().flatMap((file) => {
    const texts = readFileSync(file, "utf8").split(/\n\s*\n/);
    return texts
      .filter((text) => /^\w.{20}/.test(text))
      .map((text) => ({ file, text: text.slice(0, 1_000) }));
  });
  if (paragraphs.length === 0)
    throw new UsageError(`Expected globs that match texts, got ${globs.join(" ")}.`);
  const shared: Shared = { paragraphs: paragraphs.slice(0, start.flags.limit) };
  const model = await connect("embed-batching");
  await createTwinsFlow(model, start.flags.size).run(shared, start.run);
  console.log(`${shared.paragraphs.length} paragraphs, ${model.calls.gate.stats().started} requests`);
  for (const group of shared.twins?.slice(0, 5) ?? [])
    console.log(`  ${group.length} × ${JSON.stringify(group[0]?.text.slice(0, 60))}`);
});
