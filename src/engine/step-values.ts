// The hooks of one step in a run that records values: calls the journal's record, or the hooks, and passes their
// arguments and results to the sink.
import { after, rethrow } from "../base/awaitable.js";
import type { ValueSink } from "../observe/values.js";
import type { WalkRecord } from "./journal.js";
import type { Step } from "./step.js";
import type { StepContext } from "./step-context.js";

/** Calls `prep` and `post` of a step. */
export type StepRecord = Omit<WalkRecord, "node">;

/** The record with a sink for values; unchanged without a sink. */
export const tapped = (
  sink: ValueSink | undefined,
  step: number | undefined,
  record: StepRecord | undefined,
): StepRecord | undefined =>
  sink === undefined || step === undefined ? record : new StepValues(sink, step, record);

class StepValues implements StepRecord {
  readonly #sink: ValueSink;
  readonly #step: number;
  readonly #record: StepRecord | undefined;

  constructor(sink: ValueSink, step: number, record: StepRecord | undefined) {
    this.#sink = sink;
    this.#step = step;
    this.#record = record;
  }

  get isPrepared(): boolean {
    return this.#record?.isPrepared ?? false;
  }

  get steps(): number {
    return this.#record?.steps ?? 0;
  }

  prep(node: Step, shared: unknown, ctx: StepContext): unknown {
    const record = this.#record;
    this.#sink.begun(this.#step, shared);
    const work = record === undefined ? node.prep(shared, ctx) : record.prep(node, shared, ctx);
    const prepared = (value: unknown) => {
      this.#sink.prepared(this.#step, value);
      return value;
    };
    return after(work, prepared, rethrow);
  }

  post(node: Step, shared: unknown, prepared: unknown, result: unknown, ctx: StepContext): unknown {
    const record = this.#record;
    this.#sink.executed(this.#step, result);
    if (record === undefined) return node.post(shared, prepared, result, ctx);
    return record.post(node, shared, prepared, result, ctx);
  }
}
