// Reads the pages of a PDF one by one: their text or, for scans, their pictures.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { encode } from "fast-png";
import { getDocumentProxy, getResolvedPDFJS } from "unpdf";

/** A page with a text, or pictures, or a problem. */
export interface Page {
  readonly file: string;
  /** The number of the page, from 1; 0 means the file. */
  readonly page: number;
  readonly text?: string;
  /** PNGs as data: URLs. */
  readonly pictures?: readonly string[];
  readonly problem?: string;
}

/** Fewer letters beside a picture are a stamp or a number, so the page is a scan. */
const LEAST_LETTERS = 20;
/** Smaller pictures, such as logos and lines, are ignored. */
const LEAST_PIXELS = 10_000;
/** The maximum of a side: A4 at 170 dots per inch. Models shrink larger pictures, and bill them. */
const MOST_PIXELS = 2_000;

type Document = Awaited<ReturnType<typeof getDocumentProxy>>;
type PdfPage = Awaited<ReturnType<Document["getPage"]>>;
/** A picture as pdf.js decodes it: one bit, three or four bytes per pixel. */
type Picture = { readonly data: Uint8Array; readonly width: number; readonly height: number };

/** Decodes a page only when it is requested. An unreadable file or page is a page with a problem. */
export async function* pagesOf(path: string, signal: AbortSignal): AsyncGenerator<Page, void, undefined> {
  const file = basename(path);
  let document: Document | undefined;
  try {
    const bytes = await readFile(path, { signal });
    document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
    for (let page = 1; page <= document.numPages; page++)
      yield { file, page, ...(await contentOf(document, page)) };
  } catch (error) {
    signal.throwIfAborted();
    yield { file, page: 0, problem: (error as Error).message };
  } finally {
    await document?.destroy();
  }
}

async function contentOf(
  document: Document,
  number: number,
): Promise<Pick<Page, "text" | "pictures" | "problem">> {
  try {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    const text = items
      .map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : ""))
      .join("")
      .trim();
    if (text.length >= LEAST_LETTERS) return { text };
    const pictures = (await picturesOf(page)).map((picture) => pngOf(picture, page.rotate));
    page.cleanup();
    if (pictures.length > 0) return { pictures };
    return text === "" ? { problem: "Neither a text nor a picture that can be read" } : { text };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

async function picturesOf(page: PdfPage): Promise<Picture[]> {
  const { OPS } = await getResolvedPDFJS();
  const { fnArray, argsArray } = await page.getOperatorList();
  const keys = argsArray.filter((_, at) => fnArray[at] === OPS.paintImageXObject).map(([key]) => String(key));
  const found = await Promise.all(
    keys.map((key) => {
      const objects = key.startsWith("g_") ? page.commonObjs : page.objs;
      return new Promise<Picture | null>((resolve) => objects.get(key, resolve));
    }),
  );
  return found
    .filter((picture) => picture?.data !== undefined)
    .filter((picture) => picture !== null)
    .filter(({ width, height }) => width * height >= LEAST_PIXELS);
}

/** The picture upright, in greyscale, and not larger than a model needs. @param turn - Degrees clockwise. */
function pngOf({ data, width, height }: Picture, turn: number): string {
  const channels = Math.floor(data.length / (width * height)); // 0: one bit per pixel
  const bytes = Math.ceil(width / 8);
  const greyAt = (x: number, y: number) => {
    if (channels === 0) return (data[y * bytes + (x >> 3)] ?? 0) & (0x80 >> (x & 7)) ? 255 : 0;
    const at = (y * width + x) * channels;
    const red = data[at] ?? 0;
    return channels < 3 ? red : 0.3 * red + 0.59 * (data[at + 1] ?? 0) + 0.11 * (data[at + 2] ?? 0);
  };
  const step = Math.ceil(Math.max(width, height) / MOST_PIXELS); // this many pixels per side become one
  const [across, down] = [width, height].map((side) => Math.max(1, Math.floor(side / step))) as [
    number,
    number,
  ];
  const small = new Uint8Array(across * down);
  const placeOf = (x: number, y: number) => {
    if (turn === 90) return x * down + down - 1 - y;
    if (turn === 270) return (across - 1 - x) * down + y;
    return turn === 180 ? small.length - 1 - (y * across + x) : y * across + x;
  };
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      let sum = 0;
      for (let at = 0; at < step * step; at++)
        sum += greyAt(x * step + (at % step), y * step + Math.floor(at / step));
      small[placeOf(x, y)] = Math.round(sum / (step * step));
    }
  }
  const [columns, rows] = turn % 180 === 0 ? [across, down] : [down, across];
  const png = encode({ width: columns, height: rows, data: small, depth: 8, channels: 1 });
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}
