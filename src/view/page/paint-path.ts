// Marks the critical path in the timeline: a line at the foot of each span on it, or of its crowd.
import type { Piece } from "../model/critical-path.js";
import type { Span } from "../model/span.js";

interface PathScene {
  readonly context: CanvasRenderingContext2D;
  readonly colour: string;
  readonly xOf: (at: number) => number;
  /** The visible time range. */
  readonly from: number;
  readonly to: number;
  /** The foot of a span, or of its crowd; `undefined` if neither is drawn. */
  readonly footOf: (span: Span) => number | undefined;
}

export function paintPath(scene: PathScene, pieces: readonly Piece[]): void {
  const { context, colour, xOf, from, to, footOf } = scene;
  context.fillStyle = colour;
  for (const { span, start, end } of pieces) {
    if (end < from || start > to) continue;
    const foot = footAround(span, footOf);
    if (foot === undefined) continue;
    const x = xOf(Math.max(start, from));
    context.fillRect(x, foot - 2, Math.max(1, xOf(Math.min(end, to)) - x), 2);
  }
}

/** The foot of a span, or of its nearest ancestor that is drawn. */
function footAround(span: Span, footOf: PathScene["footOf"]): number | undefined {
  for (let each: Span | undefined = span; each !== undefined; each = each.parent) {
    const foot = footOf(each);
    if (foot !== undefined) return foot;
  }
  return undefined;
}
