// The computation. It runs in threads, so it is a separate module.
import * as png from "fast-png";

type Colour = readonly [red: number, green: number, blue: number];
/** The colour of the pixel at these coordinates; outside the picture, that of the nearest edge. */
type Read = (x: number, y: number) => Colour;

const mixed = ([red, green, blue]: Colour, weights: readonly Colour[]) =>
  weights.map(([r, g, b]) => r * red + g * green + b * blue) as unknown as Colour;
const GRAY: Colour = [0.299, 0.587, 0.114];
const SEPIA: readonly Colour[] = [
  [0.393, 0.769, 0.189],
  [0.349, 0.686, 0.168],
  [0.272, 0.534, 0.131],
];

const filters = {
  grayscale: (read: Read, x: number, y: number) => mixed(read(x, y), [GRAY, GRAY, GRAY]),
  sepia: (read: Read, x: number, y: number) => mixed(read(x, y), SEPIA),
  blur: (read: Read, x: number, y: number) => {
    const sum = [0, 0, 0];
    for (let at = 0; at < 81; at++) {
      const near = read(x + (at % 9) - 4, y + Math.floor(at / 9) - 4);
      for (const channel of [0, 1, 2] as const) sum[channel] = (sum[channel] ?? 0) + near[channel] / 81;
    }
    return sum as unknown as Colour;
  },
};
export type Filter = keyof typeof filters;
export const filterNames = Object.keys(filters) as Filter[];

/** Makes a PNG of this size from a function that returns the colour of a pixel. */
export function paint(width: number, height: number, colourAt: (x: number, y: number) => Colour): Uint8Array {
  const data = new Uint8ClampedArray(3 * width * height);
  for (let at = 0; at < width * height; at++) data.set(colourAt(at % width, Math.floor(at / width)), 3 * at);
  return png.encode({ width, height, data: new Uint8Array(data.buffer), channels: 3, depth: 8 });
}

/** Applies a filter to a PNG. */
export function apply(bytes: Uint8Array, filter: Filter): Uint8Array {
  const { width, height, data, channels } = png.decode(bytes);
  const read: Read = (x, y) => {
    const [column, row] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
    const at = channels * (row * width + column);
    const [red = 0, green = red, blue = red] = channels < 3 ? [data[at]] : data.subarray(at, at + 3);
    return [red, green, blue];
  };
  return paint(width, height, (x, y) => filters[filter](read, x, y));
}
