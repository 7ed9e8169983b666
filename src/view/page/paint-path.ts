// Marks the critical path in the timeline: a line at the foot of each piece of it.
import type { Piece } from "../model/critical-path.js";
import type { Span } from "../model/span.js";

interface PathScene {
  readonly context: CanvasRenderingContext2D;
  readonly colour: string;
  readonly xOf: (at: number) => number;
  /** The time in view. */
  readonly from: number;
  readonly to: number;
  /** Where the foot of a span is; nothing where it is not drawn by itself. */
  readonly footOf: (span: Span) => number | undefined;
}

export function paintPath(scene: PathScene, pieces: readonly Piece[]): void {
  const { context, colour, xOf, from, to, footOf } = scene;
  context.fillStyle = colour;
  for (const { span, start, end } of pieces) {
    if (end < from || start > to) continue;
    const foot = footOf(span);
    if (foot === undefined) continue;
    const x = xOf(Math.max(start, from));
    context.fillRect(x, foot - 2, Math.max(1, xOf(Math.min(end, to)) - x), 2);
  }
}
