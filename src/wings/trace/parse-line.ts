// Parses one line of a trace, which is untrusted. Used by the command line and by the live page, so it imports nothing
// that a browser lacks.
import type { StoreLine, TraceLine } from "./trace-line.js";

/** A line of a run, with the common fields. */
export interface EventLine extends TraceLine {
  readonly type:
    | "run"
    | "step"
    | "item"
    | "attempt"
    | "gate"
    | "data"
    | "progress"
    | "usage"
    | "values"
    | "warning";
  readonly runId: string;
  readonly path: readonly (string | number)[];
  readonly at: number;
}

/** The process that wrote a trace. */
export interface Writer {
  readonly pid: number;
  readonly host: string;
}

/** A parsed line. */
export type ParsedLine =
  | { readonly kind: "event"; readonly line: EventLine }
  | { readonly kind: "graph"; readonly id: number; readonly graph: unknown }
  | { readonly kind: "trace"; readonly version: number; readonly writer: Writer | undefined }
  | { readonly kind: "bad"; readonly reason: string };

const EVENTS = new Set([
  "run",
  "step",
  "item",
  "attempt",
  "gate",
  "data",
  "progress",
  "usage",
  "values",
  "warning",
]);
const SPANS = new Set(["run", "step", "item", "attempt"]);
const NUMBERS = [
  [
    "id",
    "parent",
    "twin",
    "pid",
    "index",
    "attempt",
    "at",
    "time",
    "duration",
    "attempts",
    "wait",
    "waited",
    "until",
  ],
  ["calls", "tokens", "done", "failed", "total", "rate", "remaining"],
].flat() as (keyof TraceLine)[];
const STRINGS = ["phase", "runId", "outcome", "gate", "code", "message"] as const;

const bad = (expected: string, got: unknown): ParsedLine => ({
  kind: "bad",
  reason: `expected ${expected}, got ${show(got)}`,
});

function show(value: unknown): string {
  const text = value === undefined ? "nothing" : jsonOf(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return "a value that is nested too deeply to be shown";
  }
}

/** Parses one line; describes lines that are invalid. */
export function parseLine(text: string): ParsedLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad("a JSON object", text);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return bad("a JSON object", value);
  const line = value as TraceLine;
  for (const key of NUMBERS) {
    const number = line[key];
    if (number !== undefined && number !== null && typeof number !== "number") {
      return bad(`\`${key}\` to be a number`, number);
    }
  }
  if (line.type === "trace") {
    const { pid, host } = line;
    const writer = pid !== undefined && typeof host === "string" ? { pid, host } : undefined;
    if (line.version === 1) return { kind: "trace", version: 1, writer };
    return bad("a trace of version 1", line.version);
  }
  if (line.type === "graph") {
    if (!Number.isSafeInteger(line.id)) return bad("`id` to be the number of the graph", line.id);
    return { kind: "graph", id: line.id as number, graph: line.graph };
  }
  return parseEvent(line);
}

function parseEvent(line: TraceLine): ParsedLine {
  if (!EVENTS.has(line.type)) return bad("`type` to be that of an event", line.type);
  const wrong = STRINGS.find((key) => line[key] !== undefined && typeof line[key] !== "string");
  if (wrong !== undefined) return bad(`\`${wrong}\` to be text`, line[wrong]);
  if (line.runId === undefined) return bad("`runId` to be text", line.runId);
  if (typeof line.at !== "number") return bad("`at` to be a number", line.at);
  const { path } = line;
  if (!Array.isArray(path) || !path.every((part) => typeof part === "string" || typeof part === "number")) {
    return bad("`path` to be a list of names and numbers", path);
  }
  const problem = SPANS.has(line.type) ? spanProblem(line) : undefined;
  if (problem !== undefined) return problem;
  if (line.error !== undefined && !isError(line.error)) {
    return bad("`error` to have a name and a message", line.error);
  }
  if (line.store !== undefined && !isStore(line.store))
    return bad("`store` to be changes by key", line.store);
  return { kind: "event", line: line as EventLine };
}

function spanProblem({ id, phase }: TraceLine): ParsedLine | undefined {
  if (!Number.isSafeInteger(id)) return bad("`id` to be a number", id);
  return phase === "start" || phase === "end" ? undefined : bad("`phase` to be start or end", phase);
}

/** Whether a value is a store line. */
export function isStore(value: unknown): value is StoreLine {
  if (typeof value !== "object" || value === null) return false;
  const { id, set, deleted = [] } = value as Record<string, unknown>;
  const isRecord = typeof set === "object" && set !== null && !Array.isArray(set);
  return Number.isSafeInteger(id) && isRecord && Array.isArray(deleted);
}

/** Whether a value is an error of a trace, with all its causes. */
function isError(value: unknown, depth = 0): boolean {
  if (typeof value !== "object" || value === null || depth > 20) return false;
  const { name, message, stack, machine, cause, errors } = value as Record<string, unknown>;
  return (
    typeof name === "string" &&
    typeof message === "string" &&
    (stack === undefined || typeof stack === "string") &&
    (machine === undefined || typeof machine === "string") &&
    (cause === undefined || isError(cause, depth + 1)) &&
    (errors === undefined || (Array.isArray(errors) && errors.every((error) => isError(error, depth + 1))))
  );
}
