// Sample scans: pictures of typed pages, as of an office scanner, and pages with text.
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { encode } from "fast-png";
import PDFDocument from "pdfkit";
import { DOT, hasInk, PITCH } from "./font.js";

export const LETTER = [
  "HARBOUR OFFICE, 12 MAY 1974",
  "",
  "THE LOCK AT BRENN IS CLOSED",
  "FROM 3 TO 9 JUNE.",
  "",
  "A. KOSTER",
];
export const LOG = [
  "LOCK LOG, 3 JUNE 1974",
  "",
  "07:15  GATE 1 OPEN",
  "07:40  2 BARGES UP",
  "08:05  GATE 1 SHUT",
];

/** Writes two PDFs of five pages: two have text, two are scans, one of them rotated, and one is a drawing. */
export async function makeSamples(folder: string): Promise<string> {
  await makePdf(join(folder, "letter.pdf"), (document) => {
    document.text("Archive of the harbour office, box 12. The next page is the letter of 1974.");
    document.addPage().image(scan(LETTER), 0, 0, { fit: [595, 842] });
  });
  await makePdf(join(folder, "log.pdf"), (document) => {
    document.text("The log of the lock at Brenn, and a drawing of its gates.");
    document.addPage().image(scan(LOG, true), 0, 0, { fit: [595, 842] });
    Object.assign(document.page.dictionary.data, { Rotate: 90 });
    document.addPage().rect(100, 100, 200, 90).stroke();
  });
  return folder;
}

async function makePdf(path: string, draw: (document: PDFKit.PDFDocument) => void): Promise<void> {
  const document = new PDFDocument({ size: "A4" });
  const file = document.pipe(createWriteStream(path));
  draw(document);
  document.end();
  await finished(file);
}

/**
 * A page with these lines in black and white, one bit per pixel.
 * @param onItsSide - Whether to rotate it counterclockwise.
 */
function scan(lines: readonly string[], onItsSide = false): Buffer {
  const { across, down, edge } = PITCH;
  const [columns, rows] = [2 * edge + across * 30, 2 * edge + down * lines.length];
  const inkAt = (x: number, y: number) => {
    const [column, row] = [Math.floor(x / DOT) - edge, Math.floor(y / DOT) - edge];
    if (column < 0 || row < 0 || column % across > 4 || row % down > 6) return false;
    const letter = lines[Math.floor(row / down)]?.[Math.floor(column / across)] ?? " ";
    return hasInk(letter, column % across, row % down);
  };
  const [width, height] = (onItsSide ? [rows, columns] : [columns, rows]).map((dots) => dots * DOT) as [
    number,
    number,
  ];
  const bytes = Math.ceil(width / 8);
  const data = new Uint8Array(bytes * height).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isInk = onItsSide ? inkAt(height - 1 - y, x) : inkAt(x, y);
      if (isInk) data[y * bytes + (x >> 3)] = (data[y * bytes + (x >> 3)] ?? 0) & ~(0x80 >> (x & 7));
    }
  }
  return Buffer.from(encode({ width, height, data, depth: 1, channels: 1 }));
}
