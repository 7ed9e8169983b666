// Runs on a journal in memory, as tests start them.
import type { Flow, RunOptions, SluiceError } from "sluice";
import type { Entry } from "../../../../src/wings/journal/driver.js";
import { journalOn, RecordedDriver } from "./crashes.js";

// biome-ignore lint/suspicious/noExplicitAny: stores of any shape
export type Store = Record<string, any>;

/** A journal whose runs all have one id. */
export class Started {
  driver = new RecordedDriver();
  journal = journalOn(this.driver);

  async run(flow: Flow<Store>, store: Store = {}, options: RunOptions = {}) {
    const action = await flow.run(store, { journal: this.journal, runId: "r", ...options });
    return { action, store };
  }

  /** What a run ends with that must fail. */
  async failure(
    flow: Flow<Store>,
    store: Store = {},
    options: RunOptions = {},
  ): Promise<Error & Partial<SluiceError>> {
    return this.run(flow, store, options).then(
      () => Promise.reject(new Error("the run did not fail")),
      (error) => error,
    );
  }

  get state() {
    return this.driver.run("r")?.state;
  }

  /** Kills the process: with a number, after so many writes. */
  kill(writes = this.driver.writes.length): this {
    this.driver = this.driver.killedAfter(writes);
    this.journal = journalOn(this.driver);
    return this;
  }

  /** Waits until so many rows are such, and kills the process. */
  async killWhen(isSuch: (row: Entry) => boolean, count = 1): Promise<this> {
    const rows = () => this.driver.load("r", ["walk", "batch", "store", "result", "start", "once"]);
    while (rows().filter(isSuch).length < count) await new Promise((resolve) => setTimeout(resolve, 1));
    return this.kill();
  }

  /** The same for rows of one kind. */
  killAt(kind: string, count = 1): Promise<this> {
    return this.killWhen((row) => row.kind === kind, count);
  }
}

export const codeOf = (error: unknown): unknown => (error as SluiceError).code;
