// The events of a watched run, and what its `around` hooks wrap. A run that is not watched has none of
// this: it is made only where there is a listener or a hook.

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

/** What a watch needs to know of its run. */
interface Watched {
  readonly id: string;
  readonly events: Listeners | undefined;
}

/** Where in the graph something happens. */
interface Place {
  readonly span: number | undefined;
  readonly cancellation: Cancellation | undefined;
  path(node: Named): (string | number)[];
}

/** A piece of work. */
interface Work {
  readonly kind: Span["kind"];
  readonly node: Named;
  readonly place: Place;
  readonly index: number | undefined;
  readonly attempt?: number;
  readonly input?: unknown;
  /** What the event of its end says beside the rest. */
  more?(result: unknown): object;
  /** Delays the event of a failure, until it is known what comes after. */
  failed?(report: (more?: object) => void): void;
  execute(span: number): unknown;
}

/** The span of a run itself. */
export const RUN_SPAN = 1;

export class Watch {
  readonly #run: Watched;
  readonly #around: readonly Around[];
  /** `undefined` where nothing listens to gates. */
  readonly #pauses: PauseReports | undefined;
  /** Takes what steps and items are given and give; `undefined` where nothing asks for it. */
  readonly values: ValueSink | undefined;
  #root: (string | number)[] = [];
  #spans = 0;

  /** Returns a watch only where something listens to its events or wraps its work. */
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

  /** Does a whole run. */
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

  /** The id of another span of the run. */
  nextSpan(): number {
    return ++this.#spans;
  }

  /**
   * Does a piece of work inside the hooks, and reports its start and its end.
   *
   * @returns The result: at once, or what settles in the turn in which the work does.
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

  /** What a call reports of its way through gates; `undefined` where nothing listens. */
  gateLog(eventFields: (at: number) => object): GateLog | undefined {
    const pauses = this.#pauses;
    if (pauses === undefined) return undefined;
    return { pauses, emit: (report) => this.#emit("gate", { ...eventFields(report.at), ...report }) };
  }

  /** Ends what the watch has of gates. */
  end(): void {
    this.#pauses?.log?.end();
  }

  #emit(type: keyof RunEvents, event: object): void {
    const { events } = this.#run;
    if (listensTo(events, type)) emitEvent(events, { type, ...event } as never);
  }
}
