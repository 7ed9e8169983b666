// A piece of a run: the run itself, a step, an item or an attempt.
import type { PlainError } from "../../wings/trace/trace-line.js";
import type { ViewNode } from "./view-node.js";

/** How something stands, or has ended. */
export type Outcome = "running" | "done" | "failed" | "aborted";

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
  data: unknown[];
}

export interface GateWait {
  readonly gate: string;
  readonly start: number;
  end: number | undefined;
}

/** A time in which nobody was sent through a gate. */
export interface Pause {
  readonly gate: string;
  readonly start: number;
  readonly until: number;
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
  };
}

/** The attempts of a step or an item, in their order. */
export const attemptsOf = (span: Span): Span[] => span.children.filter(({ kind }) => kind === "attempt");

/** How long it took, or has taken until now. */
export const durationOf = (span: Span, now: number): number => Math.max(0, (span.end ?? now) - span.start);

/** The name of a span: of its node, with its number where it is one of several. */
export const titleOf = (span: Span): string =>
  span.kind === "item"
    ? `${span.node.name} [${span.index ?? "?"}]`
    : span.kind === "attempt"
      ? `${span.node.name}, attempt ${(span.attempt ?? 0) + 1}`
      : span.node.name;
