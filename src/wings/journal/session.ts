// One run with a journal: claim, load, run, settle.
import { type Action, type Awaitable, SluiceError } from "sluice";
import { describe, isPlainObject, nameOf, quote, type Run, type Step, show } from "sluice/internal";
import { checkGraph } from "../shared/graph.js";
import type { Claim, JournalDriver, NewRun, RunRow, Settlement } from "./driver.js";
import { placeOf } from "./keys.js";
import { Questions, SuspendedError } from "./questions.js";
import { checkInput, type FlowFacts, factsOf, newRun, type Store } from "./run-input.js";
import { type RecordParts, RunRecord } from "./run-record.js";
import { SavedState } from "./saved-state.js";
import { StoreCut } from "./store-cut.js";
import { Sweeper } from "./sweeper.js";
import { WriteQueue } from "./write-queue.js";

/** Milliseconds between two renewals of a claim, which also check for a cancel. */
const RENEWAL = 500;

/** Runs one flow until its end or its suspension. */
export class Session {
  readonly #driver: JournalDriver;
  readonly #run: Run;
  readonly #flow: Step;
  readonly #store: Store;
  readonly #facts: FlowFacts;
  /** Why the journal stopped the run; written by #stop. */
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

  async run(begin: () => Awaitable<Action>): Promise<Action> {
    const made = this.#newRun();
    const claim = await this.#driver.claim(this.#run.id, made);
    const { run, epoch, isNew } = claim;
    if (isNew || run.state !== "done") {
      try {
        if (run.state === "cancelled") throw cancelled(run.id);
        if (!isNew) checkInput(made, run);
      } catch (error) {
        await this.#driver.settle(run.id, epoch, run); // and does not change it
        throw error;
      }
      return this.#go(claim, begin);
    }
    try {
      checkInput(made, run);
      const entries = await this.#driver.load(run.id, ["store"]);
      new SavedState(entries.filter(({ key }) => key === "")).restore(this.#root());
    } finally {
      await this.#driver.settle(run.id, epoch, run);
    }
    return run.action === null ? undefined : (JSON.parse(run.action) as Action);
  }

  #newRun(): NewRun {
    return newRun(this.#run, this.#flow, this.#store, this.#facts);
  }

  #root(): StoreCut {
    return new StoreCut("", this.#store, this.#facts.transient, this.#flow);
  }

  async #go(claim: Claim, begin: () => Awaitable<Action>): Promise<Action> {
    const { run, epoch, isNew } = claim;
    const queue = new WriteQueue(this.#driver, run.id, epoch, (error) => this.#stop(failureOf(error)));
    const questions = new Questions(this.#driver, this.#run, queue);
    const timer = setInterval(() => this.#renew(epoch), RENEWAL).unref();
    const { meter, outer } = this.#run;
    if (meter !== outer?.meter) meter?.restore(run.calls, run.tokens);
    try {
      for (let isResumed = !isNew; ; isResumed = true) {
        const { root, saved, row } = isResumed
          ? await this.#load(claim, questions)
          : { root: this.#root(), saved: undefined, row: run };
        const sweeper = new Sweeper(this.#driver, run.id, queue);
        const parts = { driver: this.#driver, run: this.#run, queue, questions, sweeper, saved, root, row };
        const outcome = await this.#attempt(parts, begin);
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

  /**
   * Loads the state that an earlier process, or this one, has left.
   *
   * @throws SluiceError `GRAPH_CHANGED`, `RUN_INPUT_CHANGED`; the run is then unchanged.
   */
  async #load({ run, epoch }: Claim, questions: Questions): Promise<Loaded> {
    const { id } = run;
    try {
      const [row = run, entries] = await Promise.all([
        this.#driver.run(id),
        this.#driver.load(id, ["walk", "batch", "store"]),
        questions.load(),
      ]);
      const saved = new SavedState(entries);
      const { version, graph } = this.#facts;
      const places = Array.from(saved.places(), ([walk, node]) => placeOf(`${walk}${node}`));
      checkGraph(row, places, { version, places: graph.places });
      const root = this.#root();
      if (!saved.restore(root)) {
        this.#checkFirst(run);
        return { root, saved: undefined, row };
      }
      this.#run.steps = row.steps - 1;
      return { root, saved, row };
    } catch (error) {
      await this.#driver.settle(id, epoch, run);
      throw error;
    }
  }

  /** Checks a run whose process died before its store was kept: the store must be passed again. */
  #checkFirst(run: RunRow): void {
    if (this.#newRun().input === run.input) return;
    const text = `The run ${quote(run.id)} ended before its store was kept; give the store that it began with`;
    throw new SluiceError("RUN_INPUT_CHANGED", text);
  }

  /** Runs the flow once, from its current position. */
  async #attempt(parts: RecordParts, begin: () => Awaitable<Action>): Promise<Outcome> {
    const record = new RunRecord(parts);
    this.#run.journal = record;
    let outcome: Outcome;
    try {
      if (parts.saved === undefined) {
        record.checkpoints.begin(parts.root);
        await parts.queue.flush();
      }
      outcome = { action: await begin() };
    } catch (error) {
      outcome = { error };
    }
    const failure = record.end();
    await parts.sweeper.end();
    return failure ?? outcome;
  }

  /**
   * Records the end of the run, which may be temporary.
   * @returns False if it has to continue, because an answer has come.
   */
  async #settle(epoch: number, queue: WriteQueue, questions: Questions, outcome: Outcome): Promise<boolean> {
    const { id } = this.#run;
    try {
      await queue.flush();
      const settlement = this.#settlement(outcome, questions);
      if (!(await this.#driver.settle(id, epoch, settlement))) return false;
      if (settlement.state === "done") await this.#clear().catch(() => {}); // remaining rows do no harm
      return true;
    } catch (error) {
      const failure = this.#stopped ?? failureOf(error);
      const settle = async () => this.#driver.settle(id, epoch, { state: "failed", error: String(failure) });
      await settle().catch(() => {}); // a sync driver throws
      throw failure;
    }
  }

  #settlement(outcome: Outcome, questions: Questions): Settlement {
    if ("action" in outcome) return { state: "done", action: textOf(outcome.action) };
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

  /** Deletes the rows that a done run no longer needs, in slices. */
  async #clear(): Promise<void> {
    while (await this.#driver.sweep(this.#run.id, "", 1_000))
      await new Promise((resolve) => setImmediate(resolve));
  }

  /** Renews the claim, and checks whether the run was cancelled. */
  async #renew(epoch: number): Promise<void> {
    try {
      if (await this.#driver.renew(this.#run.id, epoch)) this.#stop(cancelled(this.#run.id));
    } catch (error) {
      // If the database stays unreachable, the next commit reports it.
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

/** The state from which a run continues. */
interface Loaded {
  readonly root: StoreCut;
  /** `undefined` if the run ended before its first step. */
  readonly saved: SavedState | undefined;
  readonly row: RunRow;
}

/** The text of an action; `null` if `post` returned none. */
const textOf = (action: Action): string | null => (action === undefined ? null : JSON.stringify(action));

type Outcome = { readonly action: Action } | { readonly error: unknown };

const cancelled = (id: string): SluiceError =>
  new SluiceError("RUN_CANCELLED", `The run ${quote(id)} was cancelled`);

/** The error of a run whose database fails. */
function failureOf(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  const text = `The journal cannot write (${describe(error)}), and the run was stopped; run it again once that is fixed`;
  return new SluiceError("JOURNAL_FAILED", text, { cause: error });
}
