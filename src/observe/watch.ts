// The events and `around` hooks of a watched run. Created only for a run with a listener or a hook.

import { after } from "../base/awaitable.js";
import type { Cancellation } from "../base/cancellation.js";
import { now } from "../base/clock.js";
import { VALUES } from "../base/keys.js";
import { type Named, nameOf } from "../base/name.js";
import { type Around, compose, type OpenSpan, type Span } from "./around.js";
import { WATCHED_TYPES } from "./event-types.js";
import { emitEvent, type Listeners, listensTo, type RunEvents } from "./events.js";
import type { GateLog, PauseReports } from "./gate-log.js";
import type { ValueSink } from "./values.js";

/** The part of a run that a watch uses. */
interface Watched {
  readonly id: string;
  readonly events: Listeners | undefined;
}

/** A place in the graph. */
interface Place {
  readonly span: number | undefined;
  readonly cancellation: Cancellation | undefined;
  path(node: Named): (string | number)[];
}

/** The work of one span. */
interface Work {
  readonly kind: Span["kind"];
  readonly node: Named;
  readonly place: Place;
  readonly index: number | undefined;
  readonly attempt?: number;
  readonly input?: unknown;
  /** Further fields of the end event. */
  more?(result: unknown): object;
  /** Delays the event of a failure until it is known what follows. */
  failed?(report: (more?: object) => void): void;
  execute(span: number): unknown;
}

/** The id of the run's own span. */
export const RUN_SPAN = 1;

export class Watch {
  readonly #run: Watched;
  readonly #around: readonly Around[];
  /** `undefined` without listeners for gates. */
  readonly #pauses: PauseReports | undefined;
  /** Receives the values of steps and items; `undefined` if the emitter does not request them. */
  readonly values: ValueSink | undefined;
  #root: (string | number)[] = [];
  #spans = 0;

  /** Returns a watch, or `undefined` for a run without listeners and hooks. */
  static over(run: Watched, around: Around | readonly Around[] | undefined): Watch | undefined {
    const hooks = around === undefined ? [] : [around].flat();
    const hasListeners = WATCHED_TYPES.some((type) => listensTo(run.events, type));
    return hooks.length > 0 || hasListeners ? new Watch(run, hooks) : undefined;
  }

  private constructor(run: Watched, around: readonly Around[]) {
    this.#run = run;
    this.#around = around;
    this.values = run.events?.[VALUES];
    if (listensTo(run.events, "gate")) {
      const fields = () => ({ runId: run.id, path: this.#root, index: undefined, parent: RUN_SPAN });
      this.#pauses = { emit: (report) => this.#emit("gate", { ...fields(), ...report }), log: undefined };
    }
  }

  /** Wraps a whole run. */
  run(node: Named, cancellation: Cancellation | undefined, execute: () => unknown): unknown {
    return this.wrap({
      kind: "run",
      node,
      place: { span: undefined, cancellation, path: (node) => [nameOf(node)] },
      index: undefined,
      more: (action) => ({ action }),
      execute,
    });
  }

  /** Returns the id of the next span. */
  nextSpan(): number {
    return ++this.#spans;
  }

  /**
   * Executes work wrapped in the hooks, and reports its start and its end.
   *
   * @returns The result, or a thenable that settles in the same turn as the work.
   */
  wrap(work: Work): unknown {
    const { kind, node, place, index, attempt, input } = work;
    const { cancellation } = place;
    const id = this.nextSpan();
    if (this.#around.length === 0 && !listensTo(this.#run.events, kind) && kind !== "run") {
      return work.execute(id);
    }
    const own = { runId: this.#run.id, path: place.path(node), index, id, parent: place.span };
    if (kind === "run") this.#root = own.path;
    const numbered = attempt === undefined ? own : { ...own, attempt };
    const began = now();
    const time = kind === "run" ? { time: Date.now(), node } : undefined;
    const values = kind === "item" ? this.values : undefined;
    values?.given(id, input);
    this.#emit(kind, { ...numbered, at: began, phase: "start", ...time });
    const end = (usual: string, error: unknown, more: object | undefined, at = now()) => {
      const duration = at - began;
      const outcome = cancellation?.aborted ? "aborted" : usual;
      this.#emit(kind, { ...numbered, at, phase: "end", duration, outcome, error, ...more });
    };
    const done = (result: unknown) => {
      values?.gave(id, result);
      end("done", undefined, work.more?.(result));
      return result;
    };
    const failed = (error: unknown): never => {
      const at = now();
      const report = (more = work.more?.(undefined)) => end("failed", error, more, at);
      if (work.failed === undefined || cancellation?.aborted) report();
      else work.failed(report);
      throw error;
    };
    const span: OpenSpan = {
      kind,
      ...own,
      name: nameOf(node),
      attempt,
      input,
      ended: undefined,
      get aborted() {
        return cancellation?.aborted ?? false;
      },
    };
    let result: unknown;
    try {
      result = compose(this.#around, span, () => work.execute(id));
    } catch (error) {
      return failed(error);
    }
    return after(result, done, failed);
  }

  /** The log of a call at its gates; `undefined` without listeners. */
  gateLog(eventFields: (at: number) => object): GateLog | undefined {
    const pauses = this.#pauses;
    if (pauses === undefined) return undefined;
    return { pauses, emit: (report) => this.#emit("gate", { ...eventFields(report.at), ...report }) };
  }

  /** Stops watching gates. */
  end(): void {
    this.#pauses?.log?.end();
  }

  #emit(type: keyof RunEvents, event: object): void {
    const { events } = this.#run;
    if (listensTo(events, type)) emitEvent(events, { type, ...event } as never);
  }
}
