// One run under a journal: it is claimed, read, run, and settled.
import { type Action, type Awaitable, SluiceError } from "sluice";
import { describe, isPlainObject, NODE, nameOf, quote, type Run, type Step, show } from "sluice/internal";
import type { Claim, JournalDriver, NewRun, RunRow, Settlement } from "./driver.js";
import { checkGraph, type Graph, graphOf } from "./graph.js";
import { fingerprint } from "./identity.js";
import { placeOf } from "./keys.js";
import { encode, encodeGroups } from "./plain-data.js";
import { Questions, SuspendedError } from "./questions.js";
import { RunRecord } from "./run-record.js";
import { SavedState } from "./saved-state.js";
import { StoreCut } from "./store-cut.js";
import { Sweeper } from "./sweeper.js";
import { WriteQueue } from "./write-queue.js";

/** How often a claim is renewed, in ms, and a cancel is looked for. */
const RENEWAL = 500;

type Store = Record<string, unknown>;

/** What a flow says of its runs. */
interface FlowFacts {
  readonly transient: ReadonlySet<string>;
  readonly version: string | null;
  readonly graph: Graph;
}

function factsOf(flow: Step): FlowFacts {
  const { transient = [], version } = flow[NODE].options as {
    readonly transient?: readonly string[];
    readonly version?: string | number;
  };
  return {
    transient: new Set(transient),
    version: version === undefined ? null : String(version),
    graph: graphOf(flow),
  };
}

/** Takes one run to its end, or as far as it goes. */
export class Session {
  readonly #driver: JournalDriver;
  readonly #run: Run;
  readonly #flow: Step;
  readonly #store: Store;
  readonly #facts: FlowFacts;
  /** Why the run was stopped by the journal; written by #stop. */
  #stopped: SluiceError | undefined;

  /** @throws SluiceError `AMBIGUOUS_NAME`, `NOT_SERIALIZABLE`. */
  constructor(driver: JournalDriver, run: Run, flow: Step, shared: unknown) {
    if (!isPlainObject(shared)) {
      const text = `${quote(nameOf(flow))}: expected a plain object as the store of a run with a journal, got ${show(shared)}`;
      throw new SluiceError("NOT_SERIALIZABLE", text);
    }
    this.#driver = driver;
    this.#run = run;
    this.#flow = flow;
    this.#store = shared;
    this.#facts = factsOf(flow);
  }

  async perform(begin: () => Awaitable<Action>): Promise<Action> {
    const made = this.#newRun();
    const claim = await this.#driver.claim(this.#run.id, made);
    const { run, epoch, isNew } = claim;
    if (isNew || run.state !== "done") {
      try {
        if (run.state === "cancelled") throw cancelled(run.id);
        if (!isNew) this.#checkInput(made, run);
      } catch (error) {
        await this.#driver.settle(run.id, epoch, run); // and leaves it as it was
        throw error;
      }
      return this.#go(claim, begin);
    }
    try {
      this.#checkInput(made, run);
      const entries = await this.#driver.load(run.id, ["store"]);
      new SavedState(entries).restoreRoot(this.#root());
    } finally {
      await this.#driver.settle(run.id, epoch, run);
    }
    return run.action === null ? undefined : (JSON.parse(run.action) as Action);
  }

  #newRun(): NewRun {
    const { id, params } = this.#run;
    const { version, graph, transient } = this.#facts;
    const kept = new Map(Object.entries(this.#store).filter(([key]) => !transient.has(key)));
    const where = (key: string) => `${quote(nameOf(this.#flow))}: the store's ${quote(key)}`;
    const texts = encodeGroups(kept, where).map(({ text }) => text);
    const input = kept.size === 0 ? "" : fingerprint(texts.sort().join("\n"));
    return { id, flow: nameOf(this.#flow), version, graph: graph.fingerprint, params: encode(params), input };
  }

  /** @throws SluiceError `RUN_INPUT_CHANGED`. */
  #checkInput(now: NewRun, run: RunRow): void {
    if (run.flow !== now.flow) {
      const text = `The run ${quote(run.id)} is one of the flow ${quote(run.flow)}, not of ${quote(now.flow)}; choose another \`runId\``;
      throw new SluiceError("RUN_INPUT_CHANGED", text);
    }
    const what = run.params !== now.params ? "params" : "store";
    const isSame = what === "store" && (now.input === "" || now.input === run.input);
    if (isSame) return;
    throw new SluiceError(
      "RUN_INPUT_CHANGED",
      `The run ${quote(run.id)} began with other ${what}; give a store without keys to resume it, or choose another \`runId\``,
    );
  }

  #root(): StoreCut {
    return new StoreCut("", this.#store, this.#facts.transient, this.#flow);
  }

  async #go({ run, epoch, isNew }: Claim, begin: () => Awaitable<Action>): Promise<Action> {
    const queue = new WriteQueue(this.#driver, run.id, epoch, (error) => this.#stop(failureOf(error)));
    const questions = new Questions(this.#driver, this.#run, queue);
    const timer = setInterval(() => this.#renew(epoch), RENEWAL).unref();
    this.#run.meter?.restore(run.calls, run.tokens);
    try {
      for (let resumes = !isNew; ; resumes = true) {
        const saved = resumes ? await this.#load(questions) : undefined;
        const outcome = await this.#attempt(queue, questions, saved, begin);
        if (!(await this.#settle(epoch, queue, questions, outcome))) continue; // an answer came meanwhile
        if ("action" in outcome) return outcome.action;
        throw outcome.error === questions.aside
          ? new SuspendedError(run.id, questions.open())
          : outcome.error;
      }
    } finally {
      clearInterval(timer);
      this.#run.journal = undefined;
    }
  }

  /** Reads what an earlier process, or this one, has left. @throws SluiceError `GRAPH_CHANGED`. */
  async #load(questions: Questions): Promise<SavedState> {
    const { id } = this.#run;
    const [row, entries] = await Promise.all([
      this.#driver.run(id),
      this.#driver.load(id, ["walk", "batch", "store"]),
      questions.load(),
    ]);
    const saved = new SavedState(entries);
    const { version, graph } = this.#facts;
    const places = Array.from(saved.places(), ([walk, node]) => placeOf(`${walk}${node}`));
    checkGraph(row as RunRow, places, { version, places: graph.places });
    this.#run.steps = (row as RunRow).steps - 1;
    return saved;
  }

  /** Runs the flow once, from where it is. */
  async #attempt(
    queue: WriteQueue,
    questions: Questions,
    saved: SavedState | undefined,
    begin: () => Awaitable<Action>,
  ): Promise<Outcome> {
    const root = this.#root();
    saved?.restoreRoot(root);
    const sweeper = new Sweeper(this.#driver, this.#run.id, queue);
    const driver = this.#driver;
    const record = new RunRecord({ driver, run: this.#run, queue, questions, sweeper, saved, root });
    this.#run.journal = record;
    let outcome: Outcome;
    try {
      outcome = { action: await begin() };
    } catch (error) {
      outcome = { error };
    }
    record.end();
    await sweeper.end();
    return outcome;
  }

  /** Writes how the run ended, for now. @returns False where it has to go on, since an answer has come. */
  async #settle(epoch: number, queue: WriteQueue, questions: Questions, outcome: Outcome): Promise<boolean> {
    const { id } = this.#run;
    if (this.#stopped?.code === "RUN_LOST") throw this.#stopped;
    try {
      await queue.flush();
      const settlement = this.#settlement(outcome, questions);
      if (!(await this.#driver.settle(id, epoch, settlement))) return false;
      if (settlement.state === "done") await this.#clear().catch(() => {}); // rows that stay do no harm
      return true;
    } catch (error) {
      const failure = this.#stopped ?? failureOf(error);
      const settle = async () => this.#driver.settle(id, epoch, { state: "failed", error: String(failure) });
      await settle().catch(() => {}); // a sync driver throws
      throw failure;
    }
  }

  #settlement(outcome: Outcome, questions: Questions): Settlement {
    if ("action" in outcome) return { state: "done", action: JSON.stringify(outcome.action ?? null) };
    const { error } = outcome;
    const { cancellation } = this.#run;
    const text = describe(error);
    if (error === questions.aside) return { state: "suspended" };
    if (this.#stopped?.code === "RUN_CANCELLED") return { state: "cancelled" };
    if (cancellation?.aborted && error === cancellation.reason) {
      return { state: error instanceof SluiceError ? "failed" : "aborted", error: text };
    }
    if (cancellation?.draining && error === cancellation.reason) return { state: "drained", error: text };
    return { state: "failed", error: text };
  }

  /** Deletes what a run that is done needs no more, in slices. */
  async #clear(): Promise<void> {
    while (await this.#driver.sweep(this.#run.id, "", 1_000))
      await new Promise((resolve) => setImmediate(resolve));
  }

  /** Holds the claim, and looks whether the run was cancelled. */
  async #renew(epoch: number): Promise<void> {
    try {
      if (await this.#driver.renew(this.#run.id, epoch)) this.#stop(cancelled(this.#run.id));
    } catch (error) {
      // A database that is away for a moment is told of by the next commit, if it stays away.
      if (error instanceof SluiceError && error.code === "RUN_LOST") this.#stop(error);
    }
  }

  /** Ends the run at once. */
  #stop(error: SluiceError): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = error;
    this.#run.halt(error, "now");
  }
}

type Outcome = { readonly action: Action } | { readonly error: unknown };

const cancelled = (id: string): SluiceError =>
  new SluiceError("RUN_CANCELLED", `The run ${quote(id)} was cancelled`);

/** What a run ends with whose database fails. */
function failureOf(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const text = `The journal cannot write (${describe(error)}), and the run was stopped; run it again once that is mended`;
  return new SluiceError("JOURNAL_FAILED", text, { cause: error });
}
