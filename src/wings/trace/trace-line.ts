// The format of a trace: one JSON object per line, as docs/guide/tracing.md describes. write-line.ts writes it,
// parse-line.ts parses it. Imports nothing, because the page reads it too.

/** An error in a trace. The name of a thrown value that is not an error is its type. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string | number;
  /** The machine that it was thrown on, where an executor had sent the call to another. */
  readonly machine?: string;
  readonly cause?: PlainError;
  /** The parts of an AggregateError, at most ten. */
  readonly errors?: readonly PlainError[];
}

/** The changes of a store by key; with `when: "before"`, the whole store before its first step. */
export interface StoreLine {
  /** The number of the store in its run, from 1, because `fork` creates further stores. */
  readonly id: number;
  /** `"exec"`: before `post`, by `prep`, `onResult`, `join` or a walk beside it. `"post"`: since then. */
  readonly when: "before" | "exec" | "post";
  readonly set: Readonly<Record<string, unknown>>;
  readonly deleted?: readonly string[];
}

/** The version of the format; changes only incompatibly. */
export const TRACE_VERSION = 1;

/**
 * One line of a trace: an event as `RunEvents` has it, with times rounded to a microsecond. Fields that are absent or
 * `undefined` are omitted.
 */
export interface TraceLine {
  /**
   * The type of an event; `"trace"` for the first line of a file; `"graph"` for the graph of later runs; `"values"` for
   * the values of a step.
   */
  readonly type: string;
  /** In the first line: {@link TRACE_VERSION}. */
  readonly version?: number;
  /** In the first line: the process that writes the file, and its machine. */
  readonly pid?: number;
  readonly host?: string;
  readonly phase?: string;
  readonly runId?: string;
  /** Distinguishes concurrent runs with one `runId`: 2 for the second, 3 for the third. */
  readonly twin?: number;
  /** The id of a run, a step, an item or an attempt, or the number of a graph in this file. */
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
  /** The argument of `ctx.emit`, if the trace keeps it. */
  readonly data?: unknown;
  /** With recorded values: the result of `prep`; `input` of an item or an iteration; `result` of a step or an item. */
  readonly prep?: unknown;
  readonly input?: unknown;
  readonly result?: unknown;
  /** With recorded values: the changes of the store. */
  readonly store?: StoreLine | undefined;
  /** In `usage`: the number of ended calls in the run so far, and the tokens that they charged. */
  readonly calls?: number;
  readonly tokens?: number;
  /**
   * At a run's start: the number of its graph. In a line of type `"graph"`: the result of `toJSON` of `sluice/diagram`.
   */
  readonly graph?: unknown;
}
