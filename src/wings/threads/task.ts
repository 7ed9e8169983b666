// The protocol between asyncify and its threads; thread.cjs reads tasks and writes outcomes.
import { isError, SluiceError } from "sluice/internal";

/** The function that a task calls: an export of a module, or a source text. */
export interface Target {
  readonly url?: string;
  readonly name?: string;
  readonly source?: string;
  /** A module that the function imports. */
  readonly imports?: string;
}

/** A task for a thread. */
export interface Task extends Target {
  /** The name of the call in messages. */
  readonly label: string;
  /** The number of the call of its function, from 1. */
  readonly number: number;
  readonly args: readonly unknown[];
  /** Whether to return only the kind of the function, without calling it. */
  readonly look?: boolean;
  /** The port for the values of a generator. */
  readonly port?: unknown;
  /** The maximum of unread values of a generator. */
  readonly ahead?: number;
}

/** A serialised error: a clone without its own fields, those fields, its cause and its parts. */
interface Packed {
  readonly error: unknown;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly cause?: Packed;
  /** The parts of an AggregateError. */
  readonly errors?: readonly Packed[];
}

/** The outcome of a task. */
export type Outcome =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "plain" }
  | { readonly kind: "generator" }
  | { readonly kind: "streamed" }
  | (Packed & { readonly kind: "thrown" })
  | (Packed & { readonly kind: "unloadable" });

/** A message on the port of a generator. */
export type StreamMessage =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "end"; readonly value: unknown }
  | (Packed & { readonly kind: "thrown" })
  | (Packed & { readonly kind: "uncloneable" });

/** Restores the error of a function with its fields, cause and parts, but not its class. */
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

/** The error of a function that could not be loaded. */
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

/** The error of a value that is not cloneable. */
export function notCloneable(error: unknown, { label }: Task, what: string): SluiceError {
  const { message, stack } = error as Partial<Error>;
  const reason = message || /^DataCloneError: (.*)/.exec(stack ?? "")?.[1] || "Node gives no reason";
  return new SluiceError(
    "NOT_CLONEABLE",
    `${label}: ${what} cannot be sent between threads (${reason}); send plain data, buffers, maps, sets, dates and errors, and no functions or promises`,
    { cause: error },
  );
}

/** The error of a thread that died during a call. */
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

/** The error of a call for which no thread could be started. */
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
