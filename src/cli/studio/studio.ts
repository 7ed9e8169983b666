// The data and actions of the studio, on a journal, a folder of traces and the flows of a config. Independent of HTTP.
import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunEmitter } from "sluice";
import type { RunInfo, WaitingQuestion } from "sluice/journal";
import { recordTrace } from "sluice/trace";
import type { StudioQuestion, StudioRun, StudioState } from "../../view/model/studio-state.js";
import { Failure, quoted, UsageError } from "../io.js";
import { type Config, makeRun, noConfig } from "../load-config.js";
import { type OpenJournal, runNamed, withoutSecrets } from "../runs/open-journal.js";
import { runsOf, stateOf } from "../runs/run-state.js";
import type { TraceFolder } from "./trace-folder.js";

/** The dependencies of the studio. */
export interface StudioParts {
  readonly opened: OpenJournal | undefined;
  readonly config: Config | undefined;
  readonly traces: TraceFolder;
  /** Drains the runs of this process; `signal` aborts them. */
  readonly drain: AbortSignal;
  readonly signal: AbortSignal;
}

/** The maximum of runs of the journal shown. */
const MOST_RUNS = 200;

export class Studio {
  readonly #parts: StudioParts;
  /** The active runs of this process. */
  readonly #running = new Set<Promise<unknown>>();

  constructor(parts: StudioParts) {
    this.#parts = parts;
  }

  async state(): Promise<StudioState> {
    const { opened, config, traces } = this.#parts;
    const [found, questions, blocked, traced] = await Promise.all([
      opened === undefined ? [] : runsOf(opened.journal, { limit: MOST_RUNS + 1 }),
      opened === undefined ? [] : opened.journal.questions(),
      this.#blocked(),
      traces.runs(),
    ]);
    const byRun = new Map(found.map(({ id }) => [id, [] as StudioQuestion[]]));
    for (const question of questions) byRun.get(question.run)?.push(shownQuestion(question));
    const runs = found.slice(0, MOST_RUNS).map((run) => shown(run, byRun.get(run.id) ?? []));
    return {
      journal: opened?.name,
      traces: traces.path,
      flows: [...(config?.flows.keys() ?? [])],
      blocked,
      runs,
      hasMore: found.length > MOST_RUNS,
      traced,
    };
  }

  async #blocked(): Promise<string | undefined> {
    const { opened, config, drain } = this.#parts;
    if (opened === undefined)
      return 'No run can be started or resumed here: there is no journal (--journal "runs.db").';
    if (config === undefined) return `No run can be started or resumed here: ${noConfig().message}`;
    if (drain.aborted) return "No run can be started or resumed here: the studio is ending.";
    const holder = await opened.journal.holder();
    if (holder === undefined) return undefined;
    return `No run can be started or resumed here: the process ${holder} runs flows on this journal.`;
  }

  /** The journal. @throws Failure without a journal. */
  #opened(): OpenJournal {
    const { opened } = this.#parts;
    if (opened === undefined) throw new Failure("There is no journal here.");
    return opened;
  }

  /** Checks that runs are possible here. @throws Failure with the reason if not. */
  async #mayRun(): Promise<{ opened: OpenJournal; config: Config }> {
    const why = await this.#blocked();
    if (why !== undefined) throw new Failure(why);
    return { opened: this.#opened(), config: this.#parts.config as Config };
  }

  async answer(token: string, answer: unknown): Promise<void> {
    await this.#opened().journal.answer(token, answer);
  }

  async cancel(id: string): Promise<void> {
    const opened = this.#opened();
    const run = await runNamed(opened, id);
    if (!(await opened.journal.cancel(id))) throw new Failure(`The run ${quoted(id)} is ${run.state}.`);
  }

  /** Resumes a run. Resolves when it has begun. @throws The error of its start. */
  async resume(id: string): Promise<void> {
    const { opened, config } = await this.#mayRun();
    const { flow, params } = await runNamed(opened, id);
    await this.#run(id, flow, config, opened, { params });
  }

  /** Starts a run. @param store - Without the transient keys. @returns Its id. */
  async start(flow: string, id: string = randomUUID(), store: object = {}): Promise<string> {
    const { opened, config } = await this.#mayRun();
    if ((await opened.journal.run(id)) !== undefined) {
      throw new UsageError("the id of a new run", quoted(id), "There is such a run: resume it.");
    }
    await this.#run(id, flow, config, opened, { store });
    return id;
  }

  async #run(
    id: string,
    name: string,
    config: Config,
    { journal }: OpenJournal,
    { params = {}, store = {} }: { params?: Readonly<Record<string, unknown>>; store?: object },
  ): Promise<void> {
    const { drain, signal, traces } = this.#parts;
    const { flow, shared } = await makeRun(config, name);
    await mkdir(traces.path, { recursive: true, mode: 0o700 });
    const trace = recordTrace(join(traces.path, fileOf(id)), { values: true });
    const options = { journal, runId: id, params, drain, signal, events: trace.events };
    const hasBegun = begun(trace.events);
    const whole = flow.run({ ...store, ...shared } as never, options).finally(() => trace.close());
    const ended = whole.then(
      () => {},
      () => {}, // the journal has its error
    );
    this.#running.add(ended);
    void ended.then(() => this.#running.delete(ended));
    try {
      await Promise.race([hasBegun, whole]);
    } catch (error) {
      await rm(trace.path, { force: true }); // the trace has nothing to show
      throw error;
    }
  }

  /** Resolves when all runs of this process have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}

/** A new trace file each time that a run is resumed. */
const fileOf = (id: string): string =>
  `${id.replace(/[^\w.-]+/g, "_").slice(0, 100)}-${new Date().toISOString().replace(/\D/g, "")}-${randomUUID().slice(0, 4)}.jsonl`;

/** Resolves at the first step of a run, because its start event precedes its claim. */
const begun = (events: RunEmitter): Promise<void> =>
  new Promise((resolve) => {
    events.once("step", () => resolve());
  });

/** Questions of a run that is over can no longer be answered. */
const shown = (run: RunInfo, questions: readonly StudioQuestion[]): StudioRun => ({
  ...withoutSecrets(run),
  state: stateOf(run),
  createdAt: run.createdAt.toISOString(),
  updatedAt: run.updatedAt.toISOString(),
  questions: run.state === "done" || run.state === "cancelled" ? [] : questions,
});

const shownQuestion = ({ askedAt, expiresAt, ...question }: WaitingQuestion): StudioQuestion => ({
  ...question,
  askedAt: askedAt.toISOString(),
  expiresAt: expiresAt?.toISOString(),
});
