// The command line: the only file that reads the environment or prints.
import { mkdtemp, rm, stat } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createSalesFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { createShared, type Shared, type Totals } from "./nodes.js";
import { makeSales, readChunks } from "./sales.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
}

async function main(): Promise<void> {
  const { file, rows, chunk } = options(process.argv.slice(2));
  if (file !== undefined) return sum(file, chunk);
  const folder = await mkdtemp(join(tmpdir(), "sales-"));
  try {
    const path = join(folder, "sales.csv");
    await makeSales(path, rows, stop.signal);
    console.log(`Made ${number(rows)} rows of sales, ${megabytes((await stat(path)).size)}.\n`);
    await sum(path, chunk);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function sum(path: string, chunk: number): Promise<void> {
  let said = 0;
  const onProgress = ({ rows }: Totals) => {
    if (rows < said + 100_000) return;
    said = rows;
    console.log(`${number(rows).padStart(12)} rows   heap ${megabytes(process.memoryUsage().heapUsed)}`);
  };
  const read = (file: string, signal: AbortSignal) => readChunks(file, chunk, signal);
  const shared = createShared(path);
  await createSalesFlow({ read, onProgress }).run(shared, { signal: stop.signal });
  console.log(report(shared));
}

function report({ totals, ranking = [] }: Shared): string {
  const rows = ranking.map(
    ([product, { units, cents }]) =>
      `${product.padEnd(16)}${number(units).padStart(12)}${money(cents).padStart(20)}`,
  );
  const { rows: all, badRows, bad } = totals;
  const places = bad.length < badRows ? `${bad.join(", ")}, …` : bad.join(", ");
  const left = badRows === 0 ? "" : `, ${number(badRows)} of them left out (rows ${places})`;
  return [
    `\nproduct${"units".padStart(21)}${"revenue".padStart(20)}`,
    ...rows,
    `\n${number(all)} rows${left}`,
  ].join("\n");
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function money(cents: number): string {
  return (cents / 100).toLocaleString("en", { minimumFractionDigits: 2 });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function options(args: string[]): { file: string | undefined; rows: number; chunk: number } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        rows: { type: "string", default: "500000" },
        chunk: { type: "string", default: "1000" },
      },
    });
    if (positionals.length > 1) throw new Error(`got ${positionals.length} files`);
    return { file: positionals[0], rows: count("rows", values.rows), chunk: count("chunk", values.chunk) };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `Expected [file.csv] [--rows n] [--chunk n], got "${args.join(" ")}": ${(error as Error).message}`,
    );
  }
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && Number.isSafeInteger(value)) return value;
  throw new InputError(`Expected --${name} to be an integer from 1 up, got "${text}". Write --${name} 1000.`);
}
