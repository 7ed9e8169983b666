// The time axis: as many round times as there is space for.
import { duration } from "../model/words.js";
import type { Colours } from "./colours.js";
import { FONT } from "./paint-lanes.js";

export const AXIS = 22;

/** A round time step with a minimum distance in pixels between marks. */
export function stepOf(from: number, to: number, width: number, apart = 90): number {
  const least = ((to - from) / width) * apart;
  const power = 10 ** Math.floor(Math.log10(least));
  const [factor = 10] = [1, 2, 5, 10].filter((each) => each * power >= least);
  return factor * power;
}

export function paintAxis(
  context: CanvasRenderingContext2D,
  colours: Colours,
  scene: { readonly from: number; readonly to: number; readonly width: number; readonly height: number },
): void {
  const { from, to, width, height } = scene;
  const step = stepOf(from, to, width);
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, width, AXIS);
  context.font = FONT;
  context.textBaseline = "middle";
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  for (let i = Math.ceil(from / step); i * step <= to; i++) {
    const x = ((i * step - from) / (to - from)) * width;
    context.fillStyle = colours.line;
    context.fillRect(Math.round(x), 0, 1, height);
    context.fillStyle = colours.soft;
    const mark = i === 0 ? "0" : markOf(i * step, step, digits);
    if (x + 6 + context.measureText(mark).width < width) context.fillText(mark, Math.round(x) + 4, AXIS / 2);
  }
  context.fillStyle = colours.line;
  context.fillRect(0, AXIS - 1, width, 1);
}

/** Formats all marks in one unit, with the decimal places of the step. */
function markOf(at: number, step: number, digits: number): string {
  if (at >= 60_000 && step >= 1_000) return duration(at);
  if (step >= 100 || at >= 10_000) {
    const places = Math.max(0, Math.min(6, digits + 3));
    return `${(at / 1_000).toFixed(step >= 1_000 ? 0 : places > 3 ? places : step >= 100 ? 1 : 3)} s`;
  }
  return step >= 0.001 ? `${at.toFixed(Math.min(3, digits))} ms` : duration(at);
}
