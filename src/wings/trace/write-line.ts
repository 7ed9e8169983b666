// Writes an event as one line of a trace.
import type { AnyEvent } from "sluice";
import { plain } from "./plain.js";
import { plainError } from "./plain-error.js";

const FIRST = ["type", "phase", "runId", "id", "parent", "path", "index", "attempt", "at"];
const WRITTEN_APART = new Set([...FIRST, "node", "data", "error"]);

interface LineOptions {
  /** Whether the content of data is written. */
  readonly data: boolean;
  readonly graph?: number | undefined;
  readonly twin?: number | undefined;
}

/** Writes an event as one line; what its values do when they are looked at cannot break it. */
export function lineOf(event: AnyEvent, more: LineOptions): string {
  const line: Record<string, unknown> = Object.create(null);
  const given = event as unknown as Record<string, unknown>;
  for (const key of FIRST) line[key] = fieldOf(given[key]);
  for (const key of Object.keys(given)) if (!WRITTEN_APART.has(key)) line[key] = fieldOf(given[key]);
  if (more.twin !== undefined) line.twin = more.twin;
  if (more.graph !== undefined) line.graph = more.graph;
  if (more.data && event.type === "data") line.data = plain(event.data);
  if ("error" in event && event.outcome !== "done") line.error = plainError(event.error);
  return `${JSON.stringify(line)}\n`;
}

const fieldOf = (value: unknown): unknown =>
  typeof value === "number"
    ? Math.round(value * 1_000) / 1_000
    : value === undefined || typeof value === "string"
      ? value
      : plain(value);
