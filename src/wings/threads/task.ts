// What goes to a thread and what comes back: the two sides of asyncify agree on it here. thread.cjs reads
// tasks and writes outcomes. Imports nothing of ours.
import { isError, SluiceError } from "sluice/internal";

/** The function that a task calls: an export of a module, or a source text. */
export interface Target {
  readonly url?: string;
  readonly name?: string;
  readonly source?: string;
}

/** What is posted to a thread. */
export interface Task extends Target {
  /** What messages call this call. */
  readonly label: string;
  /** Which call of its function it is, from 1. */
  readonly number: number;
  readonly args: readonly unknown[];
  /** Asks what the function is, and does not call it. */
  readonly look?: boolean;
  /** Where the values of a generator go. */
  readonly port?: unknown;
  /** How many values of a generator may be on their way at once. */
  readonly ahead?: number;
}

/** An error as it crosses over: a clone without its own fields, those fields, its cause and its parts. */
interface Packed {
  readonly error: unknown;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly cause?: Packed;
  /** Of an AggregateError. */
  readonly errors?: readonly Packed[];
}

/** What comes back at the end of a task. */
export type Outcome =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "plain" }
  | { readonly kind: "generator" }
  | { readonly kind: "streamed" }
  | (Packed & { readonly kind: "thrown" })
  | (Packed & { readonly kind: "unloadable" });

/** What comes through the port of a generator. */
export type StreamMessage =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "end"; readonly value: unknown }
  | (Packed & { readonly kind: "thrown" })
  | (Packed & { readonly kind: "uncloneable" });

/** The error that a function threw, with its own fields, cause and parts again. Its class stays in the thread. */
export function thrown(packed: Packed, task: Task): unknown {
  const error = restored(packed);
  if (isError(error) && task.source !== undefined && error.name === "ReferenceError") {
    error.message += `; ${task.label} was given to asyncify() as a function, which takes nothing of its surroundings along: import() what it needs inside, or give asyncify() a module`;
  }
  return error;
}

function restored({ error: clone, fields, cause, errors }: Packed): unknown {
  if (!isError(clone)) return clone;
  const isAggregate = errors !== undefined && fields?.name === "AggregateError";
  const error = isAggregate ? new AggregateError([], clone.message) : clone;
  const put = (key: string, value: unknown, enumerable: boolean) =>
    Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
  if (isAggregate) put("stack", clone.stack, false);
  if (errors !== undefined) put("errors", errors.map(restored), false);
  for (const [key, value] of Object.entries(fields ?? {})) put(key, value, key !== "name");
  if (cause !== undefined) put("cause", restored(cause), false);
  return error;
}

/** The error for a function that could not be found. */
export function unloadable(packed: Packed, { label }: Task): SluiceError {
  const error = restored(packed);
  const reason = isError(error) ? error.message : String(error);
  const hint = /Unknown file extension "\.[cm]?tsx?"/.test(reason)
    ? "; a thread reads TypeScript where the process was started through tsx, or tsx is installed"
    : "";
  return new SluiceError("UNLOADABLE", `${label} could not be loaded in its thread: ${reason}${hint}`, {
    cause: error,
  });
}

/** The error for a value that a structured clone refuses. */
export function notCloneable(error: unknown, { label }: Task, what: string): SluiceError {
  const { message = "Node gives no reason" } = error as { message?: string };
  return new SluiceError(
    "NOT_CLONEABLE",
    `${label}: ${what} cannot be sent between threads (${message}); send plain data, buffers, maps, sets, dates and errors, and no functions or promises`,
    { cause: error },
  );
}

/** The error for a thread that ended before its call. */
export function died(error: unknown, { label, number }: Task): SluiceError {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  const reason = code === "ERR_WORKER_OUT_OF_MEMORY" ? "it ran out of memory" : String(message ?? error);
  return new SluiceError(
    "THREAD_DIED",
    `${label}, call ${number}: its thread died (${reason}); another takes its place`,
    {
      cause: error,
    },
  );
}

const IN_A_BUNDLE =
  'a bundle must leave piscina out: `serverExternalPackages: ["piscina"]` in Next.js, `externals` in webpack, `--external:piscina` in esbuild and bun build';

/** The error for a call that no thread could be started for. */
export function notStarted(error: unknown, { label }: Task): SluiceError {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  const [reason, advice] =
    code === "ERR_WORKER_OUT_OF_MEMORY"
      ? ["it ran out of memory", "raise the `resourceLimits` of its pool"]
      : [String(message ?? error).split("\n", 1)[0], IN_A_BUNDLE];
  return new SluiceError(
    "THREAD_NOT_STARTED",
    `${label} was not called, since no thread could be started (${reason}); ${advice}`,
    { cause: error },
  );
}
