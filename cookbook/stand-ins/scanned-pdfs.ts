// Reads the text of a picture in the font of the samples, dot by dot.
import { inflateSync } from "node:zlib";
import { DOT, letterOf, PITCH } from "../scanned-pdfs/font.js";
import type { Answer } from "./serve.js";

type Part = { readonly type: string; readonly image_url?: { readonly url: string } };

export const answer: Answer = ({ body }) => {
  const [message] = body.messages as { content: Part[] }[];
  const urls = (message?.content ?? []).flatMap(({ image_url }) => image_url?.url ?? []);
  return { json: { text: urls.map(read).join("\n"), unsure: [] } };
};

function read(url: string): string {
  const png = Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const pixels = inflateSync(Buffer.concat(parts)); // greyscale rows, each after a byte for its filter: none
  const { across, down, edge } = PITCH;
  const isInk = (column: number, row: number) => {
    const [x, y] = [(edge + column) * DOT + DOT / 2, (edge + row) * DOT + DOT / 2];
    return (pixels[y * (width + 1) + 1 + x] ?? 255) < 128;
  };
  const letterAt = (line: number, place: number) => {
    const columns = Array.from({ length: 5 }, (_, column) => {
      let dots = 0;
      for (let row = 0; row < 7; row++)
        if (isInk(place * across + column, line * down + row)) dots |= 1 << row;
      return dots.toString(16).padStart(2, "0");
    });
    return letterOf(columns.join(""));
  };
  const count = (pixels: number, pitch: number) => Math.floor((pixels / DOT - 2 * edge) / pitch);
  const lines = Array.from({ length: count(height, down) }, (_, line) =>
    Array.from({ length: count(width, across) }, (_, place) => letterAt(line, place))
      .join("")
      .trimEnd(),
  );
  return lines.join("\n").trim();
}
