// The public journal: an option of run(), and methods that list, answer, cancel and resume its runs.
import { type Action, type Awaitable, type BaseNode, type Flow, SluiceError } from "sluice";
import {
  aCountOrInfinity,
  checkOptions,
  invalidOption,
  JOURNAL,
  type Journaling,
  oneOf,
  quote,
  type Run,
  type Step,
} from "sluice/internal";
import "./error-codes.js";
import { decode, encode, notSerializable, problemOf } from "../shared/plain-data.js";
import type { JournalDriver, QuestionRow, RunRow, RunState } from "./driver.js";
import { type OpenQuestion, openQuestion } from "./questions.js";
import { Session } from "./session.js";

/** A run, as {@link Journal.runs} returns it. */
export interface RunInfo {
  readonly id: string;
  readonly state: RunState;
  /** Whether a process owns it now. A run that is `running` but not owned has lost its process. */
  readonly isOwned: boolean;
  /** That process as `pid@host`, if it is known. */
  readonly owner: string | undefined;
  /** The name of its flow. */
  readonly flow: string;
  /** The numbers of steps, calls of `exec` and tokens. Calls and tokens are counted if the run has a budget. */
  readonly steps: number;
  readonly calls: number;
  readonly tokens: number;
  /** The last action of a run that is done; `undefined` if its last `post` returned none. */
  readonly action: string | undefined;
  /** The text of its error, if it failed. */
  readonly error: string | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An open question, as {@link Journal.questions} returns it. */
export interface WaitingQuestion extends OpenQuestion {
  /** The id of its run. */
  readonly run: string;
  /** The key of its call. */
  readonly key: string;
  readonly askedAt: Date;
  /** The deadline of the answer. */
  readonly expiresAt: Date | undefined;
}

/** A run with its open questions, as {@link Journal.run} returns it. */
export interface RunDetails extends RunInfo {
  readonly params: Readonly<Record<string, unknown>>;
  readonly questions: readonly WaitingQuestion[];
}

/** How the runs of a flow are resumed. */
export interface Recovery {
  readonly flow: Flow;
  /** Returns the transient keys of the store. @default an empty store */
  readonly shared?: (() => object) | undefined;
}

/** The outcome of a run that {@link Journal.recover} resumed. */
export interface Recovered {
  readonly id: string;
  readonly action?: Action;
  readonly error?: unknown;
}

/** A run with this many claims without a new row kills its process each time. */
const MOST_CLAIMS = 5;

const STATES = ["running", "suspended", "failed", "aborted", "drained", "cancelled", "stuck", "done"];
const listRules = { state: oneOf(...STATES), limit: aCountOrInfinity };

const infoOf = (row: RunRow): RunInfo => {
  const { id, state, isOwned, owner, flow, steps, calls, tokens, action, error, createdAt, updatedAt } = row;
  return {
    id,
    state,
    isOwned,
    owner: owner ?? undefined,
    flow,
    steps,
    calls,
    tokens,
    action: action === null ? undefined : ((JSON.parse(action) as string | null) ?? undefined),
    error: error ?? undefined,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
  };
};

/** The open questions among rows. */
const waiting = (rows: readonly QuestionRow[]): WaitingQuestion[] =>
  rows
    .filter(({ answer }) => answer === null)
    .map((row) => ({
      ...openQuestion(row),
      run: row.run,
      key: row.key,
      askedAt: new Date(row.askedAt),
      expiresAt: row.expiresAt === null ? undefined : new Date(row.expiresAt),
    }));

/** Records runs in a database, so that they can be resumed after any end. Made by {@link openJournal}. */
export class Journal {
  readonly #driver: JournalDriver;
  #isClosed = false;

  /** @internal */
  constructor(driver: JournalDriver) {
    this.#driver = driver;
  }

  /** @internal The interface to the engine. */
  get [JOURNAL](): Journaling {
    return {
      run: async (run: Run, flow: Step, shared: unknown, begin: () => Awaitable<Action>) => {
        this.#checkOpen();
        return new Session(this.#driver, run, flow, shared).run(begin);
      },
    };
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new SluiceError("JOURNAL_CLOSED", `The journal ${this.#driver.name} is closed`);
  }

  /** Lists runs, the newest first. @throws SluiceError `JOURNAL_CLOSED`. */
  async runs(filter: { readonly state?: RunState; readonly limit?: number } = {}): Promise<RunInfo[]> {
    this.#checkOpen();
    checkOptions("journal.runs()", filter, listRules);
    return (await this.#driver.runs(filter)).map(infoOf);
  }

  /** Gets a run with its open questions; `undefined` for an unknown id. */
  async run(id: string): Promise<RunDetails | undefined> {
    this.#checkOpen();
    const row = await this.#driver.run(id);
    if (row === undefined) return undefined;
    const questions = waiting(await this.#driver.questions(id));
    const params = decode(row.params) as Record<string, unknown>;
    return { ...infoOf(row), params, questions };
  }

  /** Lists the open questions of all runs. @throws SluiceError `JOURNAL_CLOSED`. */
  async questions(): Promise<WaitingQuestion[]> {
    this.#checkOpen();
    return waiting(await this.#driver.questions());
  }

  /**
   * Answers a question, from any process and at any time. The next `run()` resumes the run.
   *
   * @throws SluiceError `QUESTION_UNKNOWN`, `QUESTION_ANSWERED`, `ASK_EXPIRED`, `NOT_SERIALIZABLE`.
   */
  async answer(token: string, answer: unknown): Promise<void> {
    this.#checkOpen();
    const problem = problemOf(answer);
    if (problem !== undefined) throw notSerializable("journal.answer()", problem);
    switch (await this.#driver.answer(token, encode(answer))) {
      case "unknown":
        throw new SluiceError(
          "QUESTION_UNKNOWN",
          `There is no open question with the token ${quote(token)}; it may have been withdrawn`,
        );
      case "already":
        throw new SluiceError("QUESTION_ANSWERED", "The question was answered already");
      case "expired":
        throw new SluiceError("ASK_EXPIRED", "The time for an answer is over");
    }
  }

  /**
   * Cancels a run for good; the process that has it stops within 1 s, as by an abort.
   *
   * @returns Whether it was not over yet.
   */
  async cancel(id: string): Promise<boolean> {
    this.#checkOpen();
    return this.#driver.cancel(id);
  }

  /**
   * Gets the process, as `pid@host`, that has this journal, so that no other process can run flows on it; `undefined` if
   * there is none, or if several processes can run flows.
   */
  async holder(): Promise<string | undefined> {
    this.#checkOpen();
    return this.#driver.holder?.();
  }

  /** Deletes runs that were done or cancelled more than this number of ms ago. @returns Their number. */
  async prune({ olderThan }: { readonly olderThan: number }): Promise<number> {
    this.#checkOpen();
    if (typeof olderThan !== "number" || !(olderThan >= 0)) {
      throw invalidOption("journal.prune()", "olderThan", "0 or more milliseconds", olderThan);
    }
    return this.#driver.prune(olderThan);
  }

  /**
   * Resumes every run whose process is gone. A run that was claimed five times without a new row is `stuck` and is not
   * resumed.
   *
   * @param flows - The flows by name.
   */
  async recover(flows: Readonly<Record<string, Recovery>>): Promise<Recovered[]> {
    this.#checkOpen();
    const rows = await this.#driver.runs({ state: "running" });
    const lost = rows.filter((row) => !row.isOwned && Object.hasOwn(flows, row.flow));
    return Promise.all(lost.map((row) => this.#recover(row, flows[row.flow] as Recovery)));
  }

  async #recover({ id, params, claims }: RunRow, { flow, shared }: Recovery): Promise<Recovered> {
    try {
      if (claims >= MOST_CLAIMS) throw await this.#setStuck(id);
      const options = { journal: this, runId: id, params: decode(params) as Record<string, unknown> };
      const action = await (flow as BaseNode).run((shared?.() ?? {}) as never, options);
      return { id, action };
    } catch (error) {
      return { id, error };
    }
  }

  async #setStuck(id: string): Promise<SluiceError> {
    const text = `The run ${quote(id)} was started ${MOST_CLAIMS} times and ended its process each time before it wrote anything; run it by its id to try again`;
    const error = new SluiceError("RUN_STUCK", text);
    const { epoch } = await this.#driver.claim(id, undefined);
    await this.#driver.settle(id, epoch, { state: "stuck", error: text });
    return error;
  }

  /** Closes the database. Runs must have ended. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#driver.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
