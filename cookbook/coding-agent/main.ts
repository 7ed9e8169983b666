// The program: read coding-agent.ts first.
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createCodingFlow, type Shared } from "./coding-agent.js";
import { createProject } from "./project.js";
import { runTests } from "./run-tests.js";
import { Workspace } from "./workspace.js";

await program("[folder] [--steps 200]", { steps: 200 }, async ({ words: [folder], flags, run }) => {
  const workspace = await Workspace.open(folder ?? createProject());
  console.log(`It works in ${workspace.root} only.\n`);
  const env = { PATH: process.env.PATH };
  const test = (signal: AbortSignal) => runTests(workspace.root, env, signal);
  const shared: Shared = { log: [], patches: [] };
  const flow = createCodingFlow(await connect("coding-agent"), workspace, test);
  const ending = await flow.run(shared, { ...run, maxSteps: flags.steps });
  console.log(`\n${ending}. Changes:`);
  for (const { path, find, replacement } of shared.patches)
    console.log(`  ${path}\n  - ${find.trim()}\n  + ${replacement.trim()}`);
  if (ending !== "tests pass") process.exitCode = 1;
});
