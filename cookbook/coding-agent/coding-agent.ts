// A model reads, searches and patches the files of one folder until its tests pass. The tests decide when it is done.
import { Flow, node } from "sluice";
import { z } from "zod";
import type { Model } from "../lib/model.js";
import type { TestReport } from "./run-tests.js";
import { Refusal, type Workspace } from "./workspace.js";

const Decision = z.object({
  thought: z.string().describe("One sentence: why."),
  action: z.enum(["read", "search", "patch", "undo", "stop"]),
  path: z.string().describe("The file to read or patch, as listed; else empty."),
  find: z.string().describe("The text to search for, or the text in the file to replace; else empty."),
  replacement: z.string().describe("The new text of a patch; else empty."),
});
type Decision = z.infer<typeof Decision>;

/** One step and its result. */
export interface Entry extends Omit<Decision, "action" | "thought"> {
  readonly action: Decision["action"] | "test";
  readonly result: string;
}

export interface Shared {
  /** The agent's memory. */
  readonly log: Entry[];
  /** The patches in the files, the newest last. */
  readonly patches: Decision[];
  decision?: Decision;
  report?: TestReport;
}

const DECIDE =
  "Repair a project until its tests pass. Below are its files and, as JSON, the log of what was done. Choose one step: read " +
  "a file, search all files for a text (not a pattern), patch a file by replacing a text that occurs in it once, undo the " +
  "last patch, or stop. The tests run after each patch. Change the code, not the tests.";

/** The input of a tool: the decision, and the patch that `undo` reverts. */
type Order = { readonly decision: Decision; readonly last: Decision | undefined };
type Outcome = { readonly result: string; readonly refused?: true };

/** A tool is a node. A refusal of the workspace is a result, so the model can try something else. */
const tool = (
  name: string,
  run: (order: Order) => Promise<string>,
  keep: (shared: Shared, decision: Decision) => void = () => {},
) =>
  node({
    name,
    requires: ["decision"],
    prep: ({ decision, patches }: Shared): Order => ({
      decision: decision as Decision,
      last: patches.at(-1),
    }),
    exec: async (order): Promise<Outcome> => ({ result: await run(order) }),
    execFallback: (_order, error): Outcome => {
      if (error instanceof Refusal) return { result: error.message, refused: true };
      throw error;
    },
    post: (shared, { decision }, { result, refused }, { emit }) => {
      const { thought, ...done } = decision;
      shared.log.push({ ...done, result });
      void emit(
        `  ${done.action.padEnd(7)} ${done.path || done.find} ${refused ? `refused: ${result}` : thought}`,
      );
      if (refused) return "refused";
      keep(shared, decision);
      return "done";
    },
  });

/** Run it with `maxSteps`, since only the model ends the loop. @param test - Runs the tests; an abort ends them. */
export function createCodingFlow(
  model: Model,
  workspace: Workspace,
  test: (signal: AbortSignal) => Promise<TestReport>,
): Flow<Shared> {
  const runTests = node({
    name: "RunTests",
    timeout: 60_000,
    exec: (_none, { signal }) => test(signal),
    // Tests that hang count as failed.
    execFallback: (_none, error): TestReport => ({ passed: 0, failed: 1, output: (error as Error).message }),
    post: (shared: Shared, _none, report, { emit }) => {
      const { passed, failed, output } = report;
      const result = `${passed} passed, ${failed} failed\n${output}`;
      shared.report = report;
      shared.log.push({ action: "test", path: "", find: "", replacement: "", result });
      void emit(`  tests   ${passed} pass, ${failed} fail`);
      return failed === 0 ? "tests pass" : "tests fail";
    },
  });

  const decide = node({
    name: "Decide",
    ...model.calls,
    prep: async ({ log }: Shared) =>
      `${DECIDE}\n\n${JSON.stringify({ files: await workspace.files(), log })}`,
    exec: (prompt, ctx) => model.json("decision", Decision, prompt, ctx),
    post: (shared, _prompt, decision) => {
      shared.decision = decision;
      return decision.action;
    },
  });

  const read = tool("Read", ({ decision }) => workspace.read(decision.path));
  const search = tool("Search", ({ decision }) => workspace.search(decision.find));
  const patch = tool(
    "Patch",
    ({ decision: { path, find, replacement } }) => workspace.replace(path, find, replacement),
    ({ patches }, decision) => void patches.push(decision),
  );
  const undo = tool(
    "Undo",
    ({ last }) => {
      if (last === undefined) throw new Refusal("There is no patch to take back.");
      return workspace.replace(last.path, last.replacement, last.find);
    },
    ({ patches }) => void patches.pop(),
  );

  runTests.branch({ "tests pass": null, "tests fail": decide });
  decide.branch({ read, search, patch, undo, stop: null });
  patch.branch({ done: runTests, refused: decide });
  for (const each of [read, search, undo]) each.branch({ done: decide, refused: decide });
  return new Flow(runTests, { name: "CodingAgent" });
}
