// The graph: tests, a decision, a tool, and again; only tests that pass, or giving up, end it.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Decide, Patch, Read, RunTests, Search, type Shared, Undo } from "./nodes.js";
import type { Workspace } from "./workspace.js";

/** What the flow works with. */
export interface CodingDeps {
  readonly llm: Llm;
  readonly workspace: Workspace;
  /** How long one run of the tests may take, in milliseconds. @default 60_000 */
  readonly testTimeout?: number;
  /** Milliseconds before a call that failed is tried again. @default 500 */
  readonly backoff?: number;
}

/** Creates the agent. Run it with `maxSteps`: a model can go on for ever. */
export function createCodingFlow({
  llm,
  workspace,
  testTimeout = 60_000,
  backoff = 500,
}: CodingDeps): Flow<Shared> {
  const tests = new RunTests(workspace, testTimeout);
  const decide = new Decide(llm, workspace, backoff);
  const read = new Read(workspace);
  const search = new Search(workspace);
  const patch = new Patch(workspace);
  const undo = new Undo(workspace);
  tests.branch({ "tests pass": null, "tests fail": decide });
  decide.branch({ read, search, patch, undo, "give up": null });
  patch.branch({ done: tests, refused: decide });
  for (const tool of [read, search, undo]) tool.branch({ done: decide, refused: decide });
  return new Flow(tests, { name: "CodingAgent" });
}
