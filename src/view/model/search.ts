// Finds spans of a run by a text in names, errors, actions and values.
import type { PlainError } from "../../wings/trace/trace-line.js";
import type { RunModel } from "./run-model.js";
import { type Span, titleOf } from "./span.js";

/** A span with the place where the text was found. */
export interface Hit {
  readonly span: Span;
  readonly where: "name" | "action" | "error" | "in" | "out" | "data" | "store";
  /** The text around the match. */
  readonly around: string;
}

/** Characters before and after the match. */
const AROUND = 30;

/** Finds spans in the order of their starts, ignoring case. @param most - The maximum of hits. */
export function search(run: RunModel, text: string, most: number): { hits: Hit[]; count: number } {
  const wanted = text.trim().toLowerCase();
  const hits: Hit[] = [];
  let count = 0;
  if (wanted === "") return { hits, count };
  for (const span of run.spans.values()) {
    const hit = hitIn(run, span, wanted);
    if (hit === undefined) continue;
    count++;
    if (hits.length < most) hits.push(hit);
  }
  return { hits, count };
}

function hitIn(run: RunModel, span: Span, wanted: string): Hit | undefined {
  // A name is found once for all its attempts.
  const name = span.kind === "attempt" ? "" : titleOf(span);
  const places: [Hit["where"], () => string][] = [
    ["name", () => name],
    ["action", () => span.action ?? ""],
    ["error", () => (span.error === undefined ? "" : wordsOf(span.error))],
    ["in", () => (span.input === undefined ? "" : textOf(span.input.value))],
    ["out", () => (span.result === undefined ? "" : textOf(span.result.value))],
    ["data", () => span.data.map(({ value }) => textOf(value)).join("\n")],
    ["store", () => run.stores.linesOf(span).map(textOf).join("\n")],
  ];
  for (const [where, read] of places) {
    const text = read();
    const at = text.toLowerCase().indexOf(wanted);
    if (at !== -1) return { span, where, around: around(text, at, wanted.length) };
  }
  return undefined;
}

function around(text: string, at: number, length: number): string {
  const [from, to] = [Math.max(0, at - AROUND), at + length + AROUND];
  const piece = text.slice(from, to).replace(/\s+/g, " ");
  return `${from > 0 ? "…" : ""}${piece}${to < text.length ? "…" : ""}`;
}

function wordsOf({ name, message, code, cause, errors = [] }: PlainError): string {
  const inside = [...(cause === undefined ? [] : [cause]), ...errors].map(wordsOf);
  return [`${name}: ${message}`, ...(code === undefined ? [] : [String(code)]), ...inside].join("\n");
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return ""; // nested too deeply
  }
}
