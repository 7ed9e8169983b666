// The program: read agent.ts first.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createAgentFlow, type Shared } from "./agent.js";
import { Library } from "./library.js";

const installed = dirname(dirname(createRequire(import.meta.url).resolve("zod/package.json"))); // READMEs in node_modules

await program(
  "[question] [--docs folder] [--steps 12]",
  { docs: "", steps: 12 },
  async ({ words, flags, run }) => {
    const patterns = flags.docs === "" ? ["*/README.md", "@*/*/README.md"] : ["**/*.md", "!**/node_modules"];
    const library = await Library.read(flags.docs || installed, patterns, run.signal);
    if (library.size === 0) throw new UsageError(`Expected Markdown files in "${flags.docs}", got none.`);
    const asked =
      "How does p-limit run async functions with limited concurrency, and can MiniSearch find misspelled words?";
    const shared: Shared = { question: words.join(" ") || asked, findings: [] };
    console.log(`Question: ${shared.question}`);
    await createAgentFlow(await connect("agent"), library).run(shared, { ...run, maxSteps: flags.steps });
    console.log(`\n${shared.answer}`);
  },
);
