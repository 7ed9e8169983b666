// A piece of a run: the run itself, a step, an item or an attempt.
import type { PlainError } from "../../wings/trace/trace-line.js";
import type { ViewNode } from "./view-node.js";

/**
 * How something stands, or has ended. `"suspended"` waits for the answer of a person. What has no end in the trace is `"running"` only while the trace may grow: it is
 * `"interrupted"` if the process that wrote the trace is gone, else `"unfinished"`.
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
  /** Of a batch: how many items it has said there are. */
  total: number | undefined;
  /** Its waits at gates. */
  waits: GateWait[];
  /** How often it sent data, and what, where the trace has it. */
  emitted: number;
  data: Value[];
  /** What it was given and what it came to, where the trace has values. */
  input: Value | undefined;
  result: Value | undefined;
  /** Calls of `exec` that have ended in it, and tokens that they charged, where the trace has that. */
  calls: number;
  tokens: number;
}

/** A value of a trace; in an object, for it may be `undefined`, or be read only when it is wanted. */
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

/** How long it took, or has taken until now. */
export const durationOf = (span: Span, now: number): number => Math.max(0, (span.end ?? now) - span.start);

/** The name of a span: of its node, with its number where it is one of several. */
export function titleOf(span: Span): string {
  if (span.kind === "item") return `${span.node.name} [${span.index ?? "?"}]`;
  if (span.kind !== "attempt") return span.node.name;
  const of = span.parent?.kind === "item" ? titleOf(span.parent) : span.node.name;
  return `${of}, attempt ${(span.attempt ?? 0) + 1}`;
}

/** So many iterations around a span are named; of deeper ones, the outer are left out. */
const MOST_AROUND = 3;

/** The same where it stands alone, as in a list: with the iterations that it is part of, from the outside in. */
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
