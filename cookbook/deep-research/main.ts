// The program: read deep-research.ts first.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { readCorpus } from "./corpus.js";
import { createResearchFlow, createShared } from "./deep-research.js";

const installed = dirname(dirname(createRequire(import.meta.url).resolve("zod/package.json"))); // READMEs in node_modules
const DEFAULTS = { docs: installed, depth: 3, breadth: 3, most: 12 };

await program("[question] [--docs folder] [--depth 3] [--breadth 3] [--most 12]", DEFAULTS, async (start) => {
  const { documents, search } = await readCorpus(start.flags.docs);
  if (documents === 0) throw new UsageError(`Expected Markdown files in "${start.flags.docs}", got none.`);
  const shared = createShared(start.words.join(" ") || "How do I cancel or abort pending work?", start.flags);
  console.log(`${shared.question}\n(${documents} documents, at most ${start.flags.most} questions)`);
  await createResearchFlow(await connect("deep-research"), search).run(shared, start.run);
  console.log(`\n${shared.report}`);
  for (const { place, question, error = "no passage has an answer" } of shared.gaps)
    console.log(`Gap: ${place} ${question} (${error})`);
  if (shared.gaps.some(({ error }) => error)) process.exitCode = 1;
});
