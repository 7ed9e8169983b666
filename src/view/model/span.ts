// A span: a run, a step, an item or an attempt.
import type { PlainError } from "../../wings/trace/trace-line.js";
import type { ViewNode } from "./view-node.js";

/**
 * The state or outcome of a span. `"suspended"` waits for a person. A span without an end in the trace is `"running"`
 * only while the trace may grow; otherwise it is `"interrupted"` if the process that wrote the trace has died, or
 * `"unfinished"`.
 */
export type Outcome = "running" | "done" | "failed" | "aborted" | "suspended" | Cut;
export type Cut = "interrupted" | "unfinished";

/** A run, a step, an item or an attempt. Times are milliseconds since the start of the run. */
export interface Span {
  readonly id: number;
  readonly kind: "run" | "step" | "item" | "attempt";
  readonly parent: Span | undefined;
  readonly node: ViewNode;
  /** Of the item, or of the nearest iteration. */
  readonly index: number | undefined;
  readonly start: number;
  /** `undefined` while it runs. */
  end: number | undefined;
  outcome: Outcome;
  error: PlainError | undefined;
  action: string | undefined;
  /** Of an attempt, counted from 0. */
  readonly attempt: number | undefined;
  /** Of an attempt: milliseconds until the next. */
  wait: number | undefined;
  children: Span[];
  /** The reported number of items of a batch. */
  total: number | undefined;
  /** Its waits at gates. */
  waits: GateWait[];
  /** How often it sent data, and the data, if the trace has it. */
  emitted: number;
  data: Value[];
  /** Its input and result, if the trace has values. */
  input: Value | undefined;
  result: Value | undefined;
  /** Ended calls of `exec` in it, and their charged tokens, if the trace has these. */
  calls: number;
  tokens: number;
}

/** A value of a trace, boxed because it may be `undefined` or parsed lazily. */
export interface Value {
  readonly value: unknown;
}

export interface GateWait {
  readonly gate: string;
  readonly start: number;
  end: number | undefined;
}

/** A time in which no call passed a gate; a pause that is prolonged stays one. */
export interface Pause {
  readonly gate: string;
  readonly start: number;
  /** Written again when another refusal prolongs it. */
  until: number;
  end: number | undefined;
}

interface NewSpan extends Pick<Span, "id" | "kind" | "node" | "start"> {
  readonly parent?: Span | undefined;
  readonly index?: number | undefined;
  readonly attempt?: number | undefined;
}

export function spanOf({ id, kind, node, start, parent, index, attempt }: NewSpan): Span {
  return {
    id,
    kind,
    parent,
    node,
    index,
    start,
    end: undefined,
    outcome: "running",
    error: undefined,
    action: undefined,
    attempt,
    wait: undefined,
    total: undefined,
    children: [],
    waits: [],
    emitted: 0,
    data: [],
    input: undefined,
    result: undefined,
    calls: 0,
    tokens: 0,
  };
}

/** The attempts of a step or an item, in their order. */
export const attemptsOf = (span: Span): Span[] => span.children.filter(({ kind }) => kind === "attempt");

/** The duration of a span, until now if it is running. */
export const durationOf = (span: Span, now: number): number => Math.max(0, (span.end ?? now) - span.start);

/** The title of a span: the name of its node, with a number if there are several. */
export function titleOf(span: Span): string {
  if (span.kind === "item") return `${span.node.name} [${span.index ?? "?"}]`;
  if (span.kind !== "attempt") return span.node.name;
  const of = span.parent?.kind === "item" ? titleOf(span.parent) : span.node.name;
  return `${of}, attempt ${(span.attempt ?? 0) + 1}`;
}

/** The maximum of outer iterations in a place; the outermost are omitted. */
const MOST_AROUND = 3;

/** The title of a span in a list: with its outer iterations, from the outside in. */
export function placeOf(span: Span): string {
  const around: string[] = [];
  const own = span.kind === "attempt" ? span.parent : span;
  for (let outer = own?.parent; outer !== undefined; outer = outer.parent) {
    if (outer.kind !== "item") continue;
    if (around.length === MOST_AROUND) {
      around.unshift("…");
      break;
    }
    around.unshift(titleOf(outer));
  }
  return [...around, titleOf(span)].join(" › ");
}
