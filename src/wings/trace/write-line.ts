// Writes an event as one line of a trace.
import type { AnyEvent } from "sluice";
import { type Copying, plain, redacted } from "./plain.js";
import { plainError } from "./plain-error.js";
import type { PlainError } from "./trace-line.js";

const FIRST = ["type", "phase", "runId", "id", "parent", "path", "index", "attempt", "at"];
const WRITTEN_APART = new Set([...FIRST, "node", "data", "error"]);

interface LineOptions {
  /** Whether to write the content of data. */
  readonly data: boolean;
  readonly how: Copying;
  /** The values of an item. */
  readonly values?: object | undefined;
  readonly graph?: number | undefined;
  readonly twin?: number | undefined;
}

/** Formats an event as one line; values that throw when they are read do not break it. */
export function lineOf(event: AnyEvent, more: LineOptions): string {
  const line: Record<string, unknown> = Object.create(null);
  const given = event as unknown as Record<string, unknown>;
  for (const key of FIRST) line[key] = fieldOf(given[key]);
  for (const key of Object.keys(given)) if (!WRITTEN_APART.has(key)) line[key] = fieldOf(given[key]);
  if (more.twin !== undefined) line.twin = more.twin;
  if (more.graph !== undefined) line.graph = more.graph;
  if (more.data && event.type === "data") line.data = plain(event.data, { ...more.how, path: ["data"] });
  if ("error" in event && event.outcome !== "done")
    line.error = withRedactedMessages(plainError(event.error), more.how);
  Object.assign(line, more.values);
  return `${JSON.stringify(line)}\n`;
}

/** Redacts the messages of an error; a stack repeats the message, so it is removed with a redacted one. */
function withRedactedMessages(error: PlainError, { redact }: Copying): PlainError {
  if (redact === undefined) return error;
  const message = String(redacted(redact, ["error", "message"], error.message));
  const { stack, cause, errors, ...rest } = error;
  const how = { redact };
  return {
    ...rest,
    message,
    ...(message === error.message && stack !== undefined && { stack }),
    ...(cause !== undefined && { cause: withRedactedMessages(cause, how) }),
    ...(errors !== undefined && { errors: errors.map((each) => withRedactedMessages(each, how)) }),
  };
}

const fieldOf = (value: unknown): unknown =>
  typeof value === "number"
    ? Math.round(value * 1_000) / 1_000
    : value === undefined || typeof value === "string"
      ? value
      : plain(value);
