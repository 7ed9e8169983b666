// Converts a trace to Chrome's trace-event JSON, for Perfetto and chrome://tracing. The format:
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
import type { RunModel } from "../view/model/run-model.js";
import { segmentsOf } from "../view/model/segments.js";
import { type Span, titleOf } from "../view/model/span.js";

/** One entry of the format; times are microseconds. */
export interface ChromeEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: "X" | "i" | "M";
  readonly ts: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly s?: "p";
  readonly args: Readonly<Record<string, unknown>>;
}

/** An interval to draw; intervals of one lane may be nested, but never overlap otherwise. */
interface Piece {
  readonly name: string;
  readonly cat: string;
  readonly start: number;
  readonly end: number;
  readonly args: Record<string, unknown>;
}

/** Each run is a process, and its parallel parts are threads. */
export function chromeEvents(runs: readonly RunModel[]): ChromeEvent[] {
  const first = Math.min(...runs.map(({ origin }) => origin));
  return runs.flatMap((run, i) => eventsOf(run, i + 1, run.origin - first));
}

function eventsOf(run: RunModel, pid: number, offset: number): ChromeEvent[] {
  const lanes: Piece[][] = [];
  const events: ChromeEvent[] = [];
  const micros = (ms: number) => Math.round((ms + offset) * 1_000);
  /** Puts a piece into the lane of its parent, or into a free lane if it does not fit there. */
  const place = (piece: Piece, around: number): number => {
    let tid = [around, ...lanes.keys()].find((lane) => fits(lanes[lane] ?? [], piece, lane === around));
    tid ??= lanes.push([]) - 1;
    (lanes[tid] ??= []).push(piece);
    const { name, cat, args } = piece;
    const ts = micros(piece.start);
    const dur = Math.max(0, micros(piece.end) - ts);
    events.push({ name, cat, ph: "X", ts, dur, pid, tid: tid + 1, args });
    return tid;
  };
  const laneOf = new Map<Span, number>();
  for (const { piece, span, own } of piecesOf(run)) {
    const parent = own ? span.parent : span;
    const lane = place(piece, parent === undefined ? 0 : (laneOf.get(parent) ?? 0));
    if (own) laneOf.set(span, lane);
  }
  for (const { gate, start, until } of run.pauses) {
    const args = { gate, until: micros(until) };
    events.push({
      name: `${gate || "gate"} paused`,
      cat: "gate",
      ph: "i",
      ts: micros(start),
      pid,
      tid: 1,
      s: "p",
      args,
    });
  }
  const about = (name: string, tid: number, args: Record<string, unknown>): ChromeEvent => ({
    name,
    cat: "__metadata",
    ph: "M",
    ts: 0,
    pid,
    tid,
    args,
  });
  return [
    about("process_name", 0, { name: `${run.graph.root.name} (run ${run.id})` }),
    ...lanes.map((_, i) => about("thread_name", i + 1, { name: i === 0 ? "run" : `lane ${i}` })),
    ...lanes.map((_, i) => about("thread_sort_index", i + 1, { sort_index: i })),
    ...events.sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0)),
  ];
}

/** The spans of a run and their waits, by start; outer spans first. */
function piecesOf(run: RunModel): { piece: Piece; span: Span; own: boolean }[] {
  const pieces: { piece: Piece; span: Span; own: boolean }[] = [];
  for (const span of [...run.spans.values()].sort((a, b) => a.start - b.start || a.id - b.id)) {
    const { kind, start, outcome } = span;
    const end = Math.max(start, Math.min(span.end ?? run.end, span.parent?.end ?? run.end));
    const piece = { name: titleOf(span), cat: kind, start, end, args: argsOf(run, span) };
    pieces.push({ piece, span, own: true });
    if (kind === "attempt") continue;
    for (const segment of segmentsOf(span, run.end)) {
      if (segment.doing === "attempt") continue;
      const name = segment.doing === "gate" ? "waiting at a gate" : "waiting for the next attempt";
      const args = { outcome };
      pieces.push({ piece: { name, cat: segment.doing, ...segment, args }, span, own: false });
    }
  }
  return pieces.sort((a, b) => a.piece.start - b.piece.start || Number(b.own) - Number(a.own));
}

/** Whether a piece fits after the last piece of a lane, or with `inside` into it. Pieces are ordered by start. */
function fits(lane: Piece[], piece: Piece, inside: boolean): boolean {
  while (lane.length > 0 && (lane.at(-1) as Piece).end <= piece.start) lane.pop();
  const last = lane.at(-1);
  return last === undefined || (inside && piece.end <= last.end);
}

function argsOf(run: RunModel, span: Span): Record<string, unknown> {
  const { id, kind, index, attempt, action, error, outcome } = span;
  return {
    id,
    outcome,
    path: span.node.path.join(" > "),
    ...(index !== undefined && { index }),
    ...(kind === "attempt" && { attempt }),
    ...(action !== undefined && { action }),
    ...(error !== undefined && { error: `${error.name}: ${error.message}` }),
    ...(kind === "run" && run.time !== undefined && { started: new Date(run.time).toISOString() }),
  };
}
