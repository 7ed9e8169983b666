// Paints the lanes of the timeline. Spans narrower than a pixel are merged per pixel,
// so that the cost depends on the size of the picture and not on the number of spans.
import { countCrowd } from "../model/crowd.js";
import { insideOf, type Lane } from "../model/lanes.js";
import { type Segment, segmentsOf, shares } from "../model/segments.js";
import { durationOf, type Span } from "../model/span.js";
import { duration } from "../model/words.js";
import type { Colours } from "./colours.js";
import { short } from "./dom.js";

export interface Scene {
  readonly context: CanvasRenderingContext2D;
  readonly colours: Colours;
  readonly width: number;
  /** The visible time range. */
  readonly from: number;
  readonly to: number;
  /** The time up to which the run is known. */
  readonly now: number;
  /** The spans that stay bright while the rest is dimmed. */
  readonly stands: ((span: Span) => boolean) | undefined;
}

export const FONT = '11px system-ui, -apple-system, "Segoe UI", sans-serif';

const xOf = ({ width, from, to }: Scene, at: number): number => ((at - from) / (to - from)) * width;

/** The first span of a lane that ends at or after a time. */
export function firstEndingAt(spans: readonly Span[], at: number, now: number): number {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { end = now } = spans[middle] as Span;
    if (end < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function paintLane(scene: Scene, lane: Lane, y: number): void {
  if (lane.crowd) {
    paintCrowd(scene, lane, y);
    return;
  }
  const { spans, height } = lane;
  const { from, to, now, width } = scene;
  const perPixel = (to - from) / width;
  for (let i = firstEndingAt(spans, from, now); i < spans.length; ) {
    const span = spans[i] as Span;
    if (span.start > to) break;
    const [x, end] = [xOf(scene, span.start), xOf(scene, span.end ?? now)];
    if (end - x >= 2.5) {
      paintSpan(scene, span, Math.max(x, -10), y, Math.min(end, width + 10), height);
      i++;
      continue;
    }
    // All spans that end within this pixel are one mark, which is red if any of them failed.
    const pixel = Math.floor(x);
    const until = from + (pixel + 2) * perPixel;
    let worst = span;
    let longest = span;
    let next = i + 1;
    for (; next < spans.length; next++) {
      const other = spans[next] as Span;
      if ((other.end ?? now) >= until) break;
      if (other.outcome === "failed") worst = other;
      if (durationOf(other, now) > durationOf(longest, now)) longest = other;
    }
    scene.context.globalAlpha = scene.stands !== undefined && !scene.stands(worst) ? 0.25 : 1;
    scene.context.fillStyle = fillOf(scene, longest);
    scene.context.fillRect(pixel, y, 1.5, height);
    if (worst.outcome === "failed") paintFailure(scene, pixel, y, 2, height);
    i = next;
  }
  scene.context.globalAlpha = 1;
}

/** The colour of a span that is too narrow for its parts: that of its longest part. */
function fillOf({ colours, now }: Scene, span: Span): CanvasPattern | string {
  const { gate, backoff } = shares(span, now);
  const half = durationOf(span, now) / 2;
  if (gate > half) return colours.gate;
  if (backoff > half) return colours.backoff;
  return span.outcome === "failed" ? colours.tried : colours[span.outcome];
}

/** Marks a failure in a low lane by a bar at its foot, so that waits and attempts above it stay visible. */
function paintFailure(
  { context, colours }: Scene,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  const tall = Math.min(height, Math.max(2, Math.round(height * 0.4)));
  context.fillStyle = colours.failed;
  context.fillRect(x, y + height - tall, width, tall);
}

function paintSpan(scene: Scene, span: Span, x: number, y: number, end: number, height: number): void {
  const { context, colours, stands, now } = scene;
  const width = Math.max(1, end - x - (end - x > 6 ? 1 : 0));
  context.globalAlpha = stands !== undefined && !stands(span) ? 0.25 : 1;
  const isBox = span.kind === "run" || insideOf(span).length > 0;
  context.fillStyle = isBox ? colours.box : colours.rest;
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(3, height / 4, width / 2));
  context.fill();
  const segments = isBox ? [] : segmentsOf(span, now);
  paintSegments(scene, span, segments, y, height);
  if (span.outcome !== "done" || isBox) paintOutcome(scene, span, x, y, width, height);
  if (height >= 16 && width > 30) {
    const place = { x: x + 7, y, width: width - 11, height };
    const busy = segments.length > 1 || (!isBox && span.outcome === "failed");
    paintLabel(scene, span, place, isBox, busy);
  }
  context.globalAlpha = 1;
  if (span.end === undefined && end > 0) {
    context.fillStyle = colours.running;
    context.fillRect(Math.min(xOf(scene, now), scene.width) - 2, y, 2, height);
  }
}

/** Marks the outcome of a span at its edge: with a fallback it may succeed although all attempts failed. */
function paintOutcome(scene: Scene, span: Span, x: number, y: number, width: number, height: number): void {
  const { context, colours } = scene;
  context.fillStyle = colours[span.outcome];
  if (height > 8) context.fillRect(x, y, Math.min(3, width), height);
  else if (span.outcome === "failed") paintFailure(scene, x, y, width, height);
}

function paintSegments(
  scene: Scene,
  span: Span,
  segments: readonly Segment[],
  y: number,
  height: number,
): void {
  const { context, colours } = scene;
  const tries = segments.filter(({ doing }) => doing === "attempt");
  for (const segment of segments) {
    const { doing, start, end, outcome } = segment;
    const x = Math.max(-10, xOf(scene, start));
    const width = Math.min(scene.width + 10, xOf(scene, end)) - x;
    if (width <= 0) continue;
    if (doing === "gate") {
      context.fillStyle = width > 3 && height > 4 ? colours.hatch : colours.gate;
      context.fillRect(x, y, width, height);
    } else if (doing === "backoff") {
      context.fillStyle = colours.backoff;
      const thin = Math.max(2, Math.round(height / 5));
      context.fillRect(x, y + (height - thin) / 2, width, thin);
    } else {
      // A failed attempt looks different from a failure: the next attempt may have succeeded.
      const isTried = outcome === "failed" && !(span.outcome === "failed" && segment === tries.at(-1));
      context.fillStyle = isTried ? colours.tried : colours[outcome];
      context.fillRect(x, y, Math.max(1, width - (width > 5 ? 1 : 0)), height);
    }
  }
}

/** @param busy - Whether it has parts of several colours, on which text is not readable. */
function paintLabel(
  scene: Scene,
  span: Span,
  place: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  isBox: boolean,
  busy: boolean,
): void {
  const { context, colours, now } = scene;
  const { x, y, width, height } = place;
  context.save();
  context.beginPath();
  context.rect(x - 4, y, width + 4, height);
  context.clip();
  context.font = FONT;
  context.textBaseline = "middle";
  const left = Math.max(x, 7); // a span that began out of view keeps its name in view
  // The lane above names its batch.
  const title = span.kind === "item" ? `[${span.index ?? "?"}]` : short(span.node.name, 60);
  const time = duration(durationOf(span, now));
  const wide = context.measureText(title).width;
  if (busy) {
    context.fillStyle = colours.panel;
    context.globalAlpha *= 0.8;
    context.beginPath();
    context.roundRect(left - 3, y + 2, wide + 6, height - 4, 3);
    context.fill();
    context.globalAlpha /= 0.8;
  }
  const middle = y + height / 2 + 0.5;
  context.fillStyle = isBox || busy ? colours.ink : colours["on-fill"];
  context.fillText(title, left, middle);
  if (!busy && left + wide + 8 + context.measureText(time).width < x + width) {
    context.globalAlpha *= 0.75;
    context.fillText(time, left + wide + 8, middle);
  }
  context.restore();
}

/** A crowd of parallel spans: the number in each state at each time. */
function paintCrowd(scene: Scene, lane: Lane, y: number): void {
  const { context, colours, from, to, now, width } = scene;
  const columns = Math.max(1, Math.floor(width / 2));
  const { counts, failed, most } = countCrowd(lane.spans, now, from, to, columns);
  const scale = (lane.height - 16) / Math.max(1, most);
  const bottom = y + lane.height;
  context.fillStyle = colours.rest;
  context.globalAlpha = 0.35;
  context.fillRect(0, y, width, lane.height);
  context.globalAlpha = 1;
  for (let i = 0; i < columns; i++) {
    let top = bottom;
    for (const [part, fill] of [
      ["attempt", colours.done],
      ["tried", colours.tried],
      ["gate", colours.hatch],
      ["backoff", colours.backoff],
      ["other", colours.rest],
    ] as const) {
      const tall = Math.max(0, counts[part][i] as number) * scale;
      context.fillStyle = fill;
      context.fillRect(i * 2, top - tall, 2, tall);
      top -= tall;
    }
    if ((failed[i] as number) > 0) {
      context.fillStyle = colours.failed;
      context.fillRect(i * 2, y + 10, 2, 5);
    }
  }
  context.font = FONT;
  context.fillStyle = colours.ink;
  context.textBaseline = "top";
  const name = short(lane.spans[0]?.node.name ?? "", 40);
  context.fillText(`${name}: up to ${Math.round(most).toLocaleString("en")} at once`, 7, y + 2);
}
