// The program: read agentic-rag.ts first.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createAgenticRagFlow, type Shared } from "./agentic-rag.js";
import { readPackages } from "./library.js";

const installed = dirname(dirname(createRequire(import.meta.url).resolve("zod/package.json"))); // node_modules
const DEFAULTS = { packages: installed, tries: 3 };
const ASKED = ["What can find misspelled words?", "Which package grinds coffee, fast?"];

await program("[questions] [--packages folder] [--tries 3]", DEFAULTS, async ({ words, flags, run }) => {
  const { size, search } = await readPackages(flags.packages);
  if (size === 0) throw new UsageError(`Expected packages in "${flags.packages}", got none.`);
  const flow = createAgenticRagFlow(await connect("agentic-rag"), search, flags.tries);
  for (const question of words.length > 0 ? words : ASKED) {
    console.log(`\nQuestion: ${question}`);
    const shared: Shared = { question, queries: [question], passages: [] };
    await flow.run(shared, run);
    console.log(`  ${shared.answer}${shared.sources ? ` [${shared.sources.join(", ")}]` : ""}`);
  }
});
