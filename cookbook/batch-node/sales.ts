// Reads the rows of a CSV file in chunks, and makes a large file for a trial.
import { createReadStream, createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parse } from "csv-parse";
import { UsageError } from "../lib/main.js";

/** One row of the file, unchecked; a short row lacks some columns. */
export type Row = Partial<Record<(typeof COLUMNS)[number], string>>;

const COLUMNS = ["date", "product", "units", "price"] as const;

/** Rows that are processed together. */
export interface Chunk {
  /** The place of the first row in the file, counted from 1, the header aside. */
  readonly from: number;
  readonly rows: readonly Row[];
}

/**
 * Reads a file chunk by chunk, each when the consumer asks for it; only the streams' buffers are read ahead. A
 * consumer that stops closes the file.
 *
 * @throws UsageError if the file cannot be read or lacks a column.
 */
export async function* readChunks(path: string, size: number, signal: AbortSignal): AsyncGenerator<Chunk> {
  const file = createReadStream(path, { signal });
  const parser = parse({
    bom: true,
    trim: true,
    relax_column_count: true,
    columns: (names) => checked(path, names),
  });
  file.on("error", (error) => parser.destroy(error)); // pipe() does not hand errors on
  file.pipe(parser);
  try {
    let from = 1;
    let rows: Row[] = [];
    for await (const row of parser) {
      if (rows.push(row) < size) continue;
      yield { from, rows };
      from += rows.length;
      rows = [];
    }
    if (rows.length > 0) yield { from, rows };
  } catch (error) {
    if (signal.aborted || error instanceof UsageError) throw error;
    throw new UsageError(
      `Expected a CSV file, got "${path}": ${(error as Error).message}. Correct the path or the file.`,
    );
  } finally {
    file.destroy();
  }
}

function checked(path: string, names: readonly string[]): string[] {
  const missing = COLUMNS.filter((column) => !names.includes(column));
  if (missing.length === 0) return [...names];
  throw new UsageError(
    `Expected the columns ${COLUMNS.join(", ")}, got "${names.join(",")}" in "${path}". Add ${missing.join(", ")}, or change COLUMNS in sales.ts.`,
  );
}

const PRODUCTS = [
  ["gate", 1_200],
  ["paddle", 85],
  ['"rope, tarred"', 4.2],
  ["bollard", 310],
  ["lamp", 17.5],
] as const;

/** Writes a file of made-up sales, the same for the same number of rows. One row in 40,000 has no price. */
export async function makeSales(path: string, rows: number, signal: AbortSignal): Promise<void> {
  const lines = function* () {
    yield `${COLUMNS.join(",")}\n`;
    for (let from = 1; from <= rows; from += 1_000) {
      const count = Math.min(1_000, rows + 1 - from);
      yield Array.from({ length: count }, (_, at) => lineOf(from + at)).join("");
    }
  };
  await pipeline(Readable.from(lines()), createWriteStream(path), { signal });
}

function lineOf(row: number): string {
  const random = Math.imul(row, 2_654_435_761) >>> 8; // Knuth's multiplicative hash: neighbours differ
  const [product, price] = PRODUCTS[random % PRODUCTS.length] ?? PRODUCTS[0];
  const date = new Date(Date.UTC(2024, 0, 1 + (row % 366))).toISOString().slice(0, 10);
  const units = 1 + ((random >> 4) % 20);
  const paid = row % 40_000 === 0 ? "n/a" : (price * (1 - (random % 4) / 20)).toFixed(2);
  return `${date},${product},${units},${paid}\n`;
}
