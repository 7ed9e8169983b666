// What takes time: painting, filtering, packing and unpacking pictures. Every function here also runs in a thread.
import * as png from "fast-png";
import { move } from "sluice/threads";

/** A picture in memory: red, green, blue and opacity of each pixel, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

type Colour = readonly [red: number, green: number, blue: number];

/** The pictures that there are, as the colour at a place between 0 and 1. */
const motifs = {
  rings: (x, y) => {
    const ring = Math.sin(40 * Math.hypot(x - 0.5, y - 0.5)) > 0;
    return ring ? [235, 94, 40] : [255, 252 - 60 * x, 242 - 160 * y];
  },
  weave: (x, y) => {
    const over = (Math.floor(x * 18) + Math.floor(y * 12)) % 2 === 0;
    return over ? [27, 73 + 90 * x, 101] : [202, 233 - 80 * y, 255 - 90 * x];
  },
  dunes: (x, y) => {
    const slope = y * 6 + Math.sin(x * 7 + y * 4) - Math.floor(y * 6 + Math.sin(x * 7 + y * 4));
    return [250 - 90 * slope, 210 - 110 * slope, 130 - 80 * slope + 40 * x];
  },
  dusk: (x, y) => {
    const sun = Math.hypot(x - 0.7, (y - 0.45) * 0.67) < 0.12;
    return sun ? [255, 214, 102] : [40 + 200 * y, 50 + 60 * y * x, 110 + 40 * (1 - y)];
  },
} satisfies Record<string, (x: number, y: number) => Colour>;

export type Motif = keyof typeof motifs;
export const motifNames = Object.keys(motifs) as Motif[];

/** Paints a picture, three wide by two high. */
export function paint(motif: Motif, width: number): Picture {
  const height = Math.max(1, Math.round((width * 2) / 3));
  return map({ width, height, pixels: new Uint8Array(4 * width * height) }, (_colour, at) => {
    const pixel = at / 4;
    return motifs[motif]((pixel % width) / width, Math.floor(pixel / width) / height);
  });
}

const filters = {
  grayscale: (picture) =>
    map(picture, ([red, green, blue]) => {
      const gray = 0.299 * red + 0.587 * green + 0.114 * blue;
      return [gray, gray, gray];
    }),
  sepia: (picture) =>
    map(picture, ([red, green, blue]) => [
      0.393 * red + 0.769 * green + 0.189 * blue,
      0.349 * red + 0.686 * green + 0.168 * blue,
      0.272 * red + 0.534 * green + 0.131 * blue,
    ]),
  // Plain windows over the picture, slow on purpose: this is the work that keeps a core busy.
  blur: (picture) => overWindow(picture, 4, (sum, count) => sum / count),
  edges: (picture) => overWindow(picture, 1, (sum, count, own) => 4 * Math.abs(own - sum / count)),
} satisfies Record<string, (picture: Picture) => Picture>;

export type Filter = keyof typeof filters;
export const filterNames = Object.keys(filters) as Filter[];

/** Applies a filter; the picture itself stays as it is. */
export function filter(picture: Picture, name: Filter): Picture {
  return filters[name](picture);
}

/** Unpacks a PNG of 8 bits a channel with opacity, as {@link encode} makes it. */
export function decode(file: Uint8Array): Picture {
  const { width, height, data, channels, depth } = png.decode(file);
  if (channels !== 4 || depth !== 8)
    throw new Error(`Expected a PNG with 4 channels of 8 bits, got ${channels} of ${depth}`);
  return sendable({ width, height, pixels: data as Uint8Array });
}

/** Packs a picture into a PNG. */
export function encode({ width, height, pixels }: Picture): Uint8Array {
  return move(png.encode({ width, height, data: pixels, channels: 4, depth: 8 }).slice()); // a buffer of its own
}

/** Does a little of everything, so that what is measured later is not the compiler. */
export function warmUp(): void {
  const picture = decode(encode(paint("rings", 90)));
  for (const name of filterNames) encode(filter(picture, name));
}

/** In a thread, `move` gives the pixels away in place of copying them; here it does nothing. */
const sendable = (picture: Picture) => move(picture, [picture.pixels.buffer]);

function map({ width, height, pixels }: Picture, colourOf: (colour: Colour, at: number) => Colour): Picture {
  const made = new Uint8ClampedArray(pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const colour = [pixels[at], pixels[at + 1], pixels[at + 2]] as unknown as Colour;
    made.set(colourOf(colour, at), at);
    made[at + 3] = 255;
  }
  return sendable({ width, height, pixels: new Uint8Array(made.buffer) });
}

function overWindow(
  picture: Picture,
  radius: number,
  levelOf: (sum: number, count: number, own: number) => number,
): Picture {
  const { width, height, pixels } = picture;
  return map(picture, (own, at) => {
    const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)];
    const sums: [number, number, number] = [0, 0, 0];
    let count = 0;
    for (let row = Math.max(0, y - radius); row <= Math.min(height - 1, y + radius); row++) {
      for (let column = Math.max(0, x - radius); column <= Math.min(width - 1, x + radius); column++) {
        const near = 4 * (row * width + column);
        sums[0] += pixels[near] as number;
        sums[1] += pixels[near + 1] as number;
        sums[2] += pixels[near + 2] as number;
        count++;
      }
    }
    return [
      levelOf(sums[0], count, own[0]),
      levelOf(sums[1], count, own[1]),
      levelOf(sums[2], count, own[2]),
    ];
  });
}
