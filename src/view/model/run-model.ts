// A run as a tree of spans, built line by line from its trace. For the command line and for the page: imports
// nothing that a browser or Node lacks.
import type { EventLine } from "../../wings/trace/parse-line.js";
import { GraphModel } from "./graph-model.js";
import type { LateValues, ValueKey } from "./late-values.js";
import { type Cut, type Outcome, type Pause, type Span, spanOf, type Value } from "./span.js";
import { StoreHistory } from "./store-history.js";

/** The maximum of data events kept per span. */
const MOST_DATA = 20;

/** The maximum of failures kept per span and run if ended spans are dropped. */
const MOST_FAILURES = 1_000;

export class RunModel {
  readonly id: string;
  /** `at` of its start, to which all times are relative. */
  readonly origin: number;
  /** Milliseconds since 1970 of its start, if the trace has it. */
  time: number | undefined;
  readonly graph: GraphModel;
  readonly root: Span;
  readonly spans = new Map<number, Span>();
  readonly pauses: Pause[] = [];
  readonly warnings: { readonly code: string; readonly message: string; readonly path: string }[] = [];
  /** Spans that failed by themselves, oldest first; not those that failed because of what is inside them. */
  readonly failures: Span[] = [];
  /** The number of failures, including those not kept. */
  failed = 0;
  /** The time of the latest event. */
  last = 0;
  /** The changes of the stores. */
  readonly stores = new StoreHistory();
  /** Calls and tokens of the whole run, if the trace has them. */
  calls = 0;
  tokens = 0;
  /** Of these, what it had used when it was resumed. */
  readonly before = { calls: 0, tokens: 0 };
  attempts = 0;
  items = 0;
  steps = 0;

  /** Whether ended spans are dropped, so that memory is bounded; counts stay. */
  readonly #forgets: boolean;

  constructor(first: EventLine, graph: unknown, forgets = false) {
    this.#forgets = forgets;
    this.id = first.runId;
    this.origin = first.at;
    const isStart = first.type === "run" && first.phase === "start";
    const name = first.path.find((part) => typeof part === "string") ?? first.runId;
    this.graph = new GraphModel(String(name), graph);
    this.root = spanOf({
      id: isStart ? (first.id as number) : 1,
      kind: "run",
      node: this.graph.root,
      start: 0,
    });
    this.spans.set(this.root.id, this.root);
    this.graph.begin(this.root);
    if (typeof first.time === "number") this.time = first.time;
  }

  /** When it ended; while it runs, the time of the latest event. */
  get end(): number {
    return this.root.end ?? this.last;
  }

  /** Adds the next line of this run. @param late - Its values, if they were separated. */
  add(line: EventLine, late?: LateValues): void {
    const at = line.at - this.origin;
    this.last = Math.max(this.last, at);
    switch (line.type) {
      case "run":
        if (line.phase === "end") this.#end(this.root, line, at);
        break;
      case "step":
      case "item":
      case "attempt":
        if (line.phase === "start") this.#start(line.type, line, at, late);
        else this.#end(this.spans.get(line.id as number), line, at, late);
        break;
      case "gate":
        this.#gate(line, at);
        break;
      case "data":
        this.#data(line, late);
        break;
      case "progress":
        this.#progress(line);
        break;
      case "usage":
        this.#usage(line);
        break;
      case "values":
        if (!this.#forgets) this.#values(line, late);
        break;
      case "warning":
        this.#warning(line);
    }
  }

  #warning({ code = "", message = "", path }: EventLine): void {
    this.warnings.push({ code, message, path: path.join(" › ") });
  }

  /** Marks all spans without an end as cut off. */
  cut(as: Cut): void {
    for (const span of this.spans.values()) {
      if (span.outcome !== "running") continue;
      span.outcome = as;
      this.graph.cut(span, as, this.end);
    }
  }

  #parent(line: EventLine): Span {
    return this.spans.get(line.parent ?? this.root.id) ?? this.root;
  }

  #start(kind: Span["kind"], line: EventLine, at: number, late?: LateValues): void {
    const parent = this.#parent(line);
    const node = kind === "step" ? this.graph.step(parent, line.path) : parent.node;
    const { index, attempt } = line;
    const span = spanOf({ id: line.id as number, kind, parent, node, index, attempt, start: at });
    if (!this.#forgets) span.input = valueIn(line, "input", late);
    if (!this.#forgets) parent.children.push(span);
    this.spans.set(span.id, span);
    if (kind === "step") this.steps++;
    if (kind === "item") this.items++;
    if (kind === "attempt") this.attempts++;
    this.graph.begin(span);
  }

  #end(span: Span | undefined, line: EventLine, at: number, late?: LateValues): void {
    if (span === undefined || span.end !== undefined) return;
    span.end = at;
    span.outcome = outcomeOf(line);
    if (line.error !== undefined && span.outcome !== "done") span.error = line.error;
    if (!this.#forgets) span.result ??= valueIn(line, "result", late);
    if (typeof line.action === "string") span.action = line.action;
    if (typeof line.wait === "number") span.wait = line.wait;
    for (const wait of span.waits) wait.end ??= at; // it has no attempts left
    if (span.outcome === "failed" && span.kind !== "attempt" && !hasFailedInside(span)) this.#fail(span);
    this.graph.end(span);
    if (this.#forgets) this.#forget(span);
  }

  #fail(span: Span): void {
    this.failed++;
    if (!this.#forgets || this.failures.length < MOST_FAILURES) this.failures.push(span);
  }

  /** Drops a span, except failures, which the outer span looks for. */
  #forget(span: Span): void {
    const { parent, outcome } = span;
    if (parent === undefined) return;
    this.spans.delete(span.id);
    if (outcome === "failed" && parent.children.length < MOST_FAILURES) parent.children.push(span);
  }

  #gate(line: EventLine, at: number): void {
    const gate = line.gate ?? "";
    if (line.phase === "paused") {
      const until = (line.until ?? line.at) - this.origin;
      const open = this.pauses.find((each) => each.gate === gate && !each.end && each.until >= at);
      if (open !== undefined) open.until = Math.max(open.until, until);
      else this.pauses.push({ gate, start: at, until, end: undefined });
    } else if (line.phase === "resumed") {
      for (const pause of this.pauses) if (pause.gate === gate) pause.end ??= at;
    } else {
      const { waits } = this.#parent(line);
      if (line.phase === "waiting") waits.push({ gate, start: at, end: undefined });
      else {
        const open = waits.find((wait) => wait.gate === gate && wait.end === undefined);
        if (open !== undefined) open.end = at;
      }
    }
  }

  #progress({ parent, total, remaining }: EventLine): void {
    const span = parent === undefined ? undefined : this.spans.get(parent);
    if (span === undefined) return;
    const { stats } = span.node;
    if (typeof total === "number") {
      stats.total += total - (span.total ?? 0);
      span.total = total;
    }
    if (span.end === undefined) stats.remaining = typeof remaining === "number" ? remaining : undefined;
  }

  /** Lines have totals of the run; the difference to the previous line belongs to the span of the line. */
  #usage(line: EventLine): void {
    const { calls = this.calls, tokens = this.tokens } = line;
    const span = this.#parent(line);
    const more = { calls: calls - this.calls, tokens: tokens - this.tokens };
    const isEarlier = line.parent === undefined && line.path.length === 0;
    for (const counts of isEarlier ? [this.before] : [span, span.node.stats]) {
      counts.calls += more.calls;
      counts.tokens += more.tokens;
    }
    this.calls = calls;
    this.tokens = tokens;
  }

  #values(line: EventLine, late?: LateValues): void {
    const span = line.parent === undefined ? undefined : this.spans.get(line.parent);
    if (span === undefined) return;
    span.input = valueIn(line, "prep", late) ?? span.input;
    span.result = valueIn(line, "result", late) ?? span.result;
    const store = valueIn(line, "store", late);
    if (store !== undefined) this.stores.add(span, store);
  }

  #data(line: EventLine, late?: LateValues): void {
    const data = valueIn(line, "data", late);
    const span = this.#parent(line);
    // The data of an attempt also belongs to its item or step.
    const whole = span.kind === "attempt" ? span.parent : undefined;
    for (const each of whole === undefined ? [span] : [span, whole]) {
      each.emitted++;
      if (data !== undefined && each.data.length < MOST_DATA) each.data.push(data);
    }
  }
}

const valueIn = (line: EventLine, key: ValueKey, late: LateValues | undefined): Value | undefined =>
  key in line ? { value: line[key] } : late?.of(key);

function outcomeOf({ outcome, error }: EventLine): Outcome {
  if (outcome === "failed" && error?.code === "SUSPENDED") return "suspended";
  return outcome === "failed" || outcome === "aborted" ? outcome : "done";
}

/** Whether the failure of a span is that of an inner step or item. */
function hasFailedInside(span: Span, error = span.error): boolean {
  return span.children.some((child) =>
    child.kind === "attempt"
      ? hasFailedInside(child, error)
      : child.outcome === "failed" &&
        child.error?.name === error?.name &&
        child.error?.message === error?.message,
  );
}
