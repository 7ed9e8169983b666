// The colours of the style sheet, for canvases.
import type { Cut } from "../model/span.js";

const NAMES = [
  "panel",
  "ink",
  "soft",
  "line",
  "accent",
  "done",
  "running",
  "failed",
  "tried",
  "aborted",
  "suspended",
  "gate",
  "backoff",
  "rest",
  "box",
  "on-fill",
] as const;
type Name = (typeof NAMES)[number] | Cut;

export interface Colours extends Readonly<Record<Name, string>> {
  readonly hatch: CanvasPattern | string;
}

/** Reads the current colours; they change with the system's colour scheme. */
export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const colours = Object.fromEntries(
    NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
  ) as Record<Name, string>;
  colours.interrupted = colours.aborted;
  colours.unfinished = colours.running;
  return { ...colours, hatch: hatch(colours.gate, colours.panel) };
}

/** Stripes, so that waits differ from work by more than the colour. */
function hatch(colour: string, ground: string): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = 6;
  tile.height = 6;
  const paint = tile.getContext("2d");
  if (paint === null) return colour;
  paint.fillStyle = ground;
  paint.fillRect(0, 0, 6, 6);
  paint.globalAlpha = 0.35;
  paint.fillStyle = colour;
  paint.fillRect(0, 0, 6, 6);
  paint.globalAlpha = 1;
  paint.strokeStyle = colour;
  paint.lineWidth = 1.6;
  for (const x of [-6, 0, 6]) {
    paint.beginPath();
    paint.moveTo(x - 1, 7);
    paint.lineTo(x + 7, -1);
    paint.stroke();
  }
  return paint.createPattern(tile, "repeat") ?? colour;
}

/** Calls back when the system's colour scheme changes. */
export function onScheme(act: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
}
