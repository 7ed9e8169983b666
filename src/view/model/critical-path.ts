// The critical path of a run: from its end backwards the part that ended last, then the part that ended last before
// that part began, and so on. If a piece of this path had been shorter, the run would have ended earlier.
import { insideOf } from "./lanes.js";
import type { RunModel } from "./run-model.js";
import { segmentsOf } from "./segments.js";
import type { Span } from "./span.js";
import type { ViewNode } from "./view-node.js";

/** A part of a span on the path, in which no inner span is on the path. */
export interface Piece {
  readonly span: Span;
  readonly start: number;
  readonly end: number;
}

/** The share of a node's spans in the path, in ms. */
export interface PathShare {
  readonly node: ViewNode;
  readonly time: number;
  /** The parts of `time` spent waiting at gates, and for another attempt. */
  readonly gate: number;
  readonly backoff: number;
  /** Its pieces, the longest first. */
  readonly pieces: readonly Piece[];
}

export interface CriticalPath {
  /** In chronological order, without gaps and overlaps from the start of the run to its end. */
  readonly pieces: readonly Piece[];
  /** By node, the largest first. */
  readonly shares: readonly PathShare[];
}

/** A span that is being traversed, with the remaining inner spans by their end. */
interface Level {
  readonly span: Span;
  readonly inside: Span[];
}

/** Finds the path of a run; of a run in progress up to now. */
export function criticalPath({ root, end: now }: RunModel): CriticalPath {
  const pieces: Piece[] = [];
  const endOf = ({ end = now }: Span) => end;
  const levelOf = (span: Span): Level => ({
    span,
    // Of several that end at once, the first to begin explains the most.
    inside: insideOf(span).sort((a, b) => endOf(a) - endOf(b) || b.start - a.start),
  });
  let at = endOf(root);
  const goBack = (span: Span, to: number): void => {
    if (to < at) pieces.push({ span, start: to, end: at });
    at = Math.min(at, to);
  };
  // A stack, because flows may be nested deeply.
  const levels = [levelOf(root)];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    let inner = level.inside.pop();
    // A span that overlaps a part of the path did not decide when that part began.
    while (inner !== undefined && endOf(inner) > at) inner = level.inside.pop();
    if (inner === undefined) {
      goBack(level.span, level.span.start);
      levels.pop();
    } else {
      goBack(level.span, endOf(inner));
      levels.push(levelOf(inner));
    }
  }
  pieces.reverse();
  return { pieces, shares: sharesOf(pieces, now) };
}

function sharesOf(pieces: readonly Piece[], now: number): PathShare[] {
  const byNode = new Map<ViewNode, { time: number; gate: number; backoff: number; pieces: Piece[] }>();
  for (const piece of pieces) {
    const { span, start, end } = piece;
    let share = byNode.get(span.node);
    if (share === undefined) byNode.set(span.node, (share = { time: 0, gate: 0, backoff: 0, pieces: [] }));
    share.time += end - start;
    share.pieces.push(piece);
    for (const segment of segmentsOf(span, now)) {
      if (segment.doing === "attempt") continue;
      share[segment.doing] += Math.max(0, Math.min(segment.end, end) - Math.max(segment.start, start));
    }
  }
  for (const share of byNode.values()) share.pieces.sort((a, b) => b.end - b.start - (a.end - a.start));
  return [...byNode].map(([node, share]) => ({ node, ...share })).sort((a, b) => b.time - a.time);
}
