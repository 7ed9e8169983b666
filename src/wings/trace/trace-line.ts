// The format of a trace: one JSON object a line. docs/guide/tracing.md describes it. write-line.ts writes
// it, parse-line.ts reads it. Imports nothing, for the page of a run reads it too.

/** An error in a trace. What was thrown and is no error has its type as the name. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string | number;
  readonly cause?: PlainError;
  /** Of an AggregateError, at most ten. */
  readonly errors?: readonly PlainError[];
}

/** What changed in a store, by key; with `when: "before"`, all that it had before the first step that got it. */
export interface StoreLine {
  /** Distinguishes the stores of a run, for `fork` makes more; from 1. */
  readonly id: number;
  /** `"exec"`: before `post`, by `prep`, `onResult`, `join` or a walk beside it. `"post"`: since then. */
  readonly when: "before" | "exec" | "post";
  readonly set: Readonly<Record<string, unknown>>;
  readonly deleted?: readonly string[];
}

/** Of this format; it changes when a reader of the old one would go wrong. */
export const TRACE_VERSION = 1;

/**
 * One line of a trace: an event as `RunEvents` has it, with times rounded to a microsecond. What an event of that
 * type does not have, or has as `undefined`, is left out.
 */
export interface TraceLine {
  /** The type of an event; `"trace"` for the first line of a file; `"graph"` for the graph of runs that follow; `"values"` for those of a step. */
  readonly type: string;
  /** Of the first line: {@link TRACE_VERSION}. */
  readonly version?: number;
  /** Of the first line: the process that writes the file, and its machine. */
  readonly pid?: number;
  readonly host?: string;
  readonly phase?: string;
  readonly runId?: string;
  /** Distinguishes runs that go on at the same time under one `runId`: 2 for the second, 3 for the third. */
  readonly twin?: number;
  /** Of a run, a step, an item or an attempt; of a graph: its number in this file. */
  readonly id?: number;
  readonly parent?: number;
  readonly path?: readonly (string | number)[];
  readonly index?: number;
  readonly attempt?: number;
  /** Milliseconds on the monotonic clock of the process. */
  readonly at?: number;
  /** Milliseconds since 1970. */
  readonly time?: number;
  readonly duration?: number;
  readonly outcome?: string;
  readonly error?: PlainError;
  readonly action?: unknown;
  readonly attempts?: number;
  readonly wait?: number;
  readonly gate?: string;
  readonly waited?: number;
  readonly until?: number;
  readonly done?: number;
  readonly failed?: number;
  readonly total?: number;
  readonly rate?: number;
  readonly remaining?: number;
  readonly code?: string;
  readonly message?: string;
  /** What `ctx.emit` was given, where the trace keeps it. */
  readonly data?: unknown;
  /** Where values are recorded: what `prep` gave; what an item or an iteration was given; what a step or an item came to. */
  readonly prep?: unknown;
  readonly input?: unknown;
  readonly result?: unknown;
  /** Where values are recorded: what changed in the store. */
  readonly store?: StoreLine | undefined;
  /** Of `usage`: calls that have ended in the run so far, and tokens that they charged. */
  readonly calls?: number;
  readonly tokens?: number;
  /** Of a run's start: the number of its graph. Of a line of type `"graph"`: what `toJSON` of `sluice/diagram` gives. */
  readonly graph?: unknown;
}
