// The steps: run the tests, decide, and one node for each tool.
import { type Context, Node } from "sluice";
import type { Decision, Entry, Known, Llm } from "./llm.js";
import { Refusal, type TestReport, type Workspace } from "./workspace.js";

/** The store of one run. */
export interface Shared {
  /** All that was done, and what came of it: the agent's memory. */
  readonly log: Entry[];
  /** The patches that are in the files now, the last one last. */
  readonly patches: Decision[];
  decision?: Decision;
  report?: TestReport;
}

/** What the run tells while it goes on. */
export type Progress =
  | { readonly report: TestReport }
  | { readonly decision: Decision; readonly refusal?: string };

/** Creates the store of a run. */
export const createShared = (): Shared => ({ log: [], patches: [] });

/** Runs the tests: they, and not the model, say when the work is done. */
export class RunTests extends Node<Shared, undefined, TestReport> {
  readonly #workspace: Workspace;

  constructor(workspace: Workspace, timeout: number) {
    super({ timeout });
    this.#workspace = workspace;
  }

  override exec(_none: undefined, { signal }: Context): Promise<TestReport> {
    return this.#workspace.test(signal);
  }

  /** Tests that hang are tests that fail. */
  override execFallback(_none: undefined, error: Error): TestReport {
    return { passed: 0, failed: 1, output: `The tests did not end: ${error.message}` };
  }

  override async post(shared: Shared, _none: undefined, report: TestReport, { emit }: Context) {
    const { passed, failed, output } = report;
    shared.report = report;
    shared.log.push({
      action: "test",
      path: "",
      find: "",
      replacement: "",
      result: `${passed} passed, ${failed} failed\n${output}`,
    });
    await emit({ report } satisfies Progress);
    return failed === 0 ? "tests pass" : "tests fail";
  }
}

/** Has the model choose the next step. */
export class Decide extends Node<Shared, Known, Decision> {
  readonly #llm: Llm;
  readonly #workspace: Workspace;

  constructor(llm: Llm, workspace: Workspace, backoff: number) {
    super({ attempts: 3, backoff, timeout: 60_000 });
    this.#llm = llm;
    this.#workspace = workspace;
  }

  override async prep({ log }: Shared): Promise<Known> {
    return { files: await this.#workspace.files(), log: [...log] };
  }

  override exec(known: Known, { signal }: Context): Promise<Decision> {
    return this.#llm.decide(known, signal);
  }

  override post(shared: Shared, _known: Known, decision: Decision): Decision["action"] {
    shared.decision = decision;
    return decision.action;
  }
}

/** What a tool works on: the decision, and the patch that `undo` takes back. */
interface Order {
  readonly decision: Decision;
  readonly last: Decision | undefined;
}

/** What a tool gives back; a refusal is an answer too. */
interface Outcome {
  readonly result: string;
  readonly refused?: true;
}

/** A tool: does what was decided. What the workspace refuses, the model is told. */
abstract class Tool extends Node<Shared, Order, Outcome> {
  protected readonly workspace: Workspace;

  constructor(workspace: Workspace) {
    super({ requires: ["decision"] });
    this.workspace = workspace;
  }

  override prep({ decision, patches }: Shared): Order {
    return { decision: decision as Decision, last: patches.at(-1) };
  }

  override execFallback(_order: Order, error: unknown): Outcome {
    if (error instanceof Refusal) return { result: error.message, refused: true };
    throw error;
  }

  override async post(shared: Shared, { decision }: Order, outcome: Outcome, { emit }: Context) {
    const { thought, ...done } = decision;
    shared.log.push({ ...done, result: outcome.result });
    await emit({ decision, ...(outcome.refused && { refusal: outcome.result }) } satisfies Progress);
    if (outcome.refused) return "refused";
    this.keep(shared, decision);
    return "done";
  }

  /** Notes what is in the files now. @default nothing */
  protected keep(_shared: Shared, _decision: Decision): void {}
}

/** Reads a file. */
export class Read extends Tool {
  override async exec({ decision }: Order): Promise<Outcome> {
    return { result: await this.workspace.read(decision.path) };
  }
}

/** Searches all files. */
export class Search extends Tool {
  override async exec({ decision }: Order): Promise<Outcome> {
    return { result: await this.workspace.search(decision.find) };
  }
}

/** Changes a file. */
export class Patch extends Tool {
  override async exec({ decision: { path, find, replacement } }: Order): Promise<Outcome> {
    await this.workspace.replace(path, find, replacement);
    return { result: "patched" };
  }

  protected override keep({ patches }: Shared, decision: Decision): void {
    patches.push(decision);
  }
}

/** Takes the last patch back. */
export class Undo extends Tool {
  override async exec({ last }: Order): Promise<Outcome> {
    if (last === undefined) throw new Refusal("There is no patch to take back.");
    await this.workspace.replace(last.path, last.replacement, last.find);
    return { result: "undone" };
  }

  protected override keep({ patches }: Shared): void {
    patches.pop();
  }
}
