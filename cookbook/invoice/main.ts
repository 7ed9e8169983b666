// The command line: the only file that reads the environment or prints.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Gate } from "sluice";
import { toDecimal } from "./amount.js";
import { createInvoiceFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { createShared, type Shared } from "./nodes.js";
import { inventSamples, makePdfs } from "./samples.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let service: Service | undefined;
let scratch: string | undefined;
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await service?.close();
  if (scratch) rmSync(scratch, { recursive: true });
}

async function main(): Promise<void> {
  const { folder, make } = readArguments();
  const chosen = folder ?? (scratch = mkdtempSync(join(tmpdir(), "invoices-")));
  service = await connect(process.env);
  console.log(service.about);
  if (make) {
    const samples = inventSamples();
    await makePdfs(samples, chosen);
    console.log(`Made ${samples.length} PDFs${folder ? ` in ${folder}` : ""}.`);
  }
  const gate = new Gate({ concurrency: 8, rate: { requests: 500, per: 60_000, burst: 10_000 } });
  const shared = createShared(chosen);
  const startedAt = performance.now();
  await createInvoiceFlow({ llm: service.llm, gate }).run(shared, { signal: stop.signal });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  if (shared.accepted.length + shared.forAPerson.length === 0) {
    throw new InputError(
      `Expected PDFs in "${folder}", got none. Name another folder, or make some with --make.`,
    );
  }
  print(shared, `${gate.stats().started} calls in ${seconds} s`);
}

function readArguments(): { folder: string | undefined; make: boolean } {
  const usage = "Write: npm start -- [--make] [folder]";
  let parsed: { values: { make?: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({ options: { make: { type: "boolean" } }, allowPositionals: true });
  } catch (error) {
    throw new InputError(`${(error as Error).message} ${usage}`);
  }
  const { values, positionals } = parsed;
  const [folder, second] = positionals;
  if (second !== undefined)
    throw new InputError(`Expected at most one folder, got "${second}" too. ${usage}`);
  const make = values.make ?? folder === undefined;
  if (folder !== undefined && !make && !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(
      `Expected a folder with PDFs, got "${folder}". Name another, or make one with --make.`,
    );
  }
  return { folder, make };
}

function print({ accepted, forAPerson }: Shared, took: string): void {
  const sums = new Map<string, number>();
  console.log(`\nAdd up: ${accepted.length} (${took})`);
  for (const { file, invoice } of accepted) {
    const { number, seller, date, currency, total, lines } = invoice;
    const what = `${number.padEnd(13)}  ${date}  ${seller.padEnd(22)} ${String(lines.length).padStart(2)} lines`;
    console.log(`  ${file}  ${what.padEnd(57)}${toDecimal(total).padStart(11)} ${currency}`);
    sums.set(currency, (sums.get(currency) ?? 0) + total);
  }
  for (const [currency, cents] of sums) console.log(`  Together ${toDecimal(cents)} ${currency}`);
  console.log(`\nFor a person to look at: ${forAPerson.length}`);
  for (const { file, problems } of forAPerson) console.log(`  ${file}  ${problems.join("; ")}`);
}
