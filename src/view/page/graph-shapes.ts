// Shapes and small decisions for drawing a graph.
import { short, svg } from "./dom.js";
import type { Placed, PlacedLink } from "./graph-layout.js";

/** The layout of two that is displayed larger; the first if they are similar. */
export const best = (a: Placed, b: Placed, fits: (placed: Placed) => number): Placed =>
  fits(b) > fits(a) * 1.15 ? b : a;

/** Truncates text by an estimated width, since measuring needs an element in the page. */
export const fitted = (text: string, width: number): string =>
  short(text, Math.max(6, Math.floor(width / 6.6)));

/** A smooth path through the points of a link. */
export function curve({ points }: PlacedLink): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let path = `M${first.x} ${first.y}`;
  for (const [i, point] of rest.entries()) {
    const next = rest[i + 1];
    if (next === undefined) path += ` L${point.x} ${point.y}`;
    else path += ` Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`;
  }
  return path;
}

export function arrowHeads(): SVGElement {
  const head = (id: string) =>
    svg(
      "marker",
      {
        id,
        viewBox: "0 0 8 8",
        refX: 7,
        refY: 4,
        markerWidth: 8,
        markerHeight: 8,
        orient: "auto",
        markerUnits: "userSpaceOnUse",
      },
      svg("path", { d: "M0 0.5 L7.5 4 L0 7.5 z", class: id }),
    );
  return svg("defs", {}, head("arrow"), head("arrow-taken"));
}
