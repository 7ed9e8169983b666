// Small shapes and choices of the drawing of a graph.
import { short, svg } from "./dom.js";
import type { Placed, PlacedLink } from "./graph-layout.js";

/** Of two layouts the one that is seen larger; the first, if there is little between them. */
export const best = (a: Placed, b: Placed, fits: (placed: Placed) => number): Placed =>
  fits(b) > fits(a) * 1.15 ? b : a;

/** Text is cut by its likely width, for to measure it would need it in the page. */
export const fitted = (text: string, width: number): string =>
  short(text, Math.max(6, Math.floor(width / 6.6)));

/** A smooth line through the points of a link. */
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
